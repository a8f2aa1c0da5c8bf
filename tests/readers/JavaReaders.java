import java.util.List;
import org.apache.hadoop.fs.Path;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.hadoop.ParquetReader;
import org.apache.parquet.hadoop.example.GroupReadSupport;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.execution.datasources.parquet.VectorizedParquetRecordReader;
import org.apache.spark.sql.types.StructType;

/**
 * Prints a JSON object for the Parquet files in its arguments: the number of rows that Java's own reader and Spark's
 * vectorised reader each return of them, after reading every value.
 */
public class JavaReaders {
    public static void main(String[] files) throws Exception {
        StringBuilder json = new StringBuilder();
        for (String file : files) {
            json.append(String.format("%s\"%s\":[%d,%d]", json.isEmpty() ? "{" : ",", file, parquetJava(file), spark(file)));
        }
        System.out.println(json.append("}"));
    }

    private static long parquetJava(String file) throws Exception {
        long rows = 0;
        try (ParquetReader<Group> reader = ParquetReader.builder(new GroupReadSupport(), new Path(file)).build()) {
            for (Group row = reader.read(); row != null; row = reader.read()) {
                row.toString();
                rows++;
            }
        }
        return rows;
    }

    private static long spark(String file) throws Exception {
        long rows = 0;
        try (var reader = new VectorizedParquetRecordReader(null, "CORRECTED", "UTC", "CORRECTED", "UTC", false, 4096)) {
            reader.initialize(file, (List<String>) null);
            reader.initBatch(new StructType(), InternalRow.empty());
            reader.enableReturningBatches();
            while (reader.nextKeyValue()) {
                rows += reader.resultBatch().numRows();
            }
        }
        return rows;
    }
}
