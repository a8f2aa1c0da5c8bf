//! DuckDB through ADBC (feature `duckdb`): `libduckdb.so` is loaded at run time, so that one binary serves a laptop and
//! the cloud.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use adbc_core::options::{AdbcVersion, OptionDatabase, OptionValue};
use adbc_core::{Connection as _, Database as _, Driver as _, Statement as _};
use adbc_driver_manager::{ManagedConnection, ManagedDriver, ManagedStatement};
use arrow_array::cast::AsArray as _;
use arrow_array::types::Int64Type;
use arrow_array::{
    Array, ArrayRef, BooleanArray, Int64Array, RecordBatch, RecordBatchReader as _, StringArray,
};
use arrow_schema::SchemaRef;

use crate::exit::{Exit, Failure};
use crate::process::scratch::Scratch;
use crate::warehouse::{DUCKDB_SETTINGS, Value};

/// Why a DuckDB operation failed.
#[derive(Debug, thiserror::Error)]
pub enum DuckDbError {
    /// `libduckdb.so` cannot be loaded.
    #[error("cannot load the DuckDB library {}: check DUCKDB_LIBRARY", library.display())]
    Library {
        /// Its path.
        library: PathBuf,
        /// Why.
        source: adbc_core::error::Error,
    },
    /// Another process has the file open.
    #[error("cannot open the warehouse {}: another process has it open: {reason}", file.display())]
    InUse {
        /// The database file.
        file: PathBuf,
        /// DuckDB's message, which names the process.
        reason: String,
    },
    /// The file cannot be opened.
    #[error("cannot open the warehouse {}", file.display())]
    Open {
        /// The database file.
        file: PathBuf,
        /// Why.
        source: adbc_core::error::Error,
    },
    /// The file is not a database.
    #[error("{} is not a DuckDB database: check WAREHOUSE_URL", file.display())]
    NotADatabase {
        /// The file.
        file: PathBuf,
        /// Why it cannot be opened.
        source: adbc_core::error::Error,
    },
    /// The file cannot be created.
    #[error("cannot create the warehouse {}", file.display())]
    Create {
        /// The database file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A statement failed.
    #[error("cannot execute `{statement}` in DuckDB")]
    Statement {
        /// The statement.
        statement: String,
        /// Why.
        source: adbc_core::error::Error,
    },
    /// A statement returned an unexpected result.
    #[error("`{statement}` did not return a {expected}")]
    Unexpected {
        /// The statement.
        statement: String,
        /// The expected result.
        expected: &'static str,
    },
}

impl From<DuckDbError> for Failure {
    fn from(error: DuckDbError) -> Self {
        let exit = match &error {
            DuckDbError::Library { .. }
            | DuckDbError::NotADatabase { .. }
            | DuckDbError::Create { .. } => Exit::Configuration,
            DuckDbError::InUse { .. }
            | DuckDbError::Open { .. }
            | DuckDbError::Statement { .. } => Exit::Upstream,
            DuckDbError::Unexpected { .. } => Exit::Bug,
        };
        Failure::new(exit, error)
    }
}

/// How long a job waits for a file that another process has open, unless it publishes marts.
pub const MAX_WAIT: Duration = Duration::from_secs(30);

/// How a file is opened. A writer locks out every other process; readers share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// For reading and writing; the file is created if it does not exist.
    ReadWrite,
    /// For reading an existing file.
    ReadOnly,
}

/// An open DuckDB file, closed when dropped.
pub struct Connection(ManagedConnection);

impl Connection {
    /// Opens `file` with the library at `library`. Nothing is ever downloaded: extensions are neither installed nor
    /// loaded automatically.
    ///
    /// # Errors
    /// [`DuckDbError::InUse`] if another process has locked the file.
    pub fn open(library: &Path, file: &Path, access: Access) -> Result<Self, DuckDbError> {
        let mut driver = ManagedDriver::load_dynamic_from_filename(
            library,
            Some(b"duckdb_adbc_init"),
            AdbcVersion::V110,
        )
        .map_err(|source| DuckDbError::Library {
            library: library.to_owned(),
            source,
        })?;
        let option = |name: &str, value: &str| {
            let value = OptionValue::String(value.to_owned());
            (OptionDatabase::Other(name.to_owned()), value)
        };
        let mode = match access {
            Access::ReadWrite => "READ_WRITE",
            Access::ReadOnly => "READ_ONLY",
        };
        let options = [
            option("path", &file.to_string_lossy()),
            option("access_mode", mode),
            option("autoinstall_known_extensions", "false"),
            option("autoload_known_extensions", "false"),
        ];
        let connection = driver
            .new_database_with_opts(options)
            .and_then(|database| database.new_connection());
        let mut connection = connection
            .map(Self)
            .map_err(|source| not_opened(file, source))?;
        // DuckDB 1.5 accepts all of them among the options above, and ignores one there.
        for (name, value) in DUCKDB_SETTINGS {
            connection.execute(&format!("SET {name} = '{value}'"), &[])?;
        }
        Ok(connection)
    }

    /// Like [`Connection::open`], but waits up to `patience` for another process to close the file.
    pub fn open_when_free(
        library: &Path,
        file: &Path,
        access: Access,
        patience: Duration,
    ) -> Result<Self, DuckDbError> {
        if access == Access::ReadWrite && !file.exists() {
            Self::create(library, file)?;
        }
        when_free(patience, || Self::open(library, file, access))
    }

    /// Attaches another `file` as the database `name`. Waits up to `patience` for another process to close it.
    pub fn attach_when_free(
        &mut self,
        file: &Path,
        name: &str,
        access: Access,
        patience: Duration,
    ) -> Result<(), DuckDbError> {
        let path = file.to_string_lossy().replace('\'', "''");
        let options = match access {
            Access::ReadWrite => "",
            Access::ReadOnly => " (READ_ONLY)",
        };
        // A statement cannot bind a path.
        let statement = format!("ATTACH '{path}' AS {name}{options}");
        when_free(patience, || match self.execute(&statement, &[]) {
            Err(DuckDbError::Statement { source, .. }) => Err(not_opened(file, source)),
            outcome => outcome,
        })
    }

    /// Creates an empty database, unless another process has just created it. DuckDB would truncate a file that it
    /// considers new before locking it, and another process may have written to it in between.
    fn create(library: &Path, file: &Path) -> Result<(), DuckDbError> {
        let failed = |error: io::Error| DuckDbError::Create {
            file: file.to_owned(),
            source: error,
        };
        let beside = file.parent().unwrap_or(Path::new("."));
        let directory = Scratch::new(beside.to_owned());
        let empty = directory.path().map_err(failed)?.join("empty.duckdb");
        Self::open(library, &empty, Access::ReadWrite)?;
        match fs::hard_link(&empty, file) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(failed(error)),
            _ => Ok(()),
        }
    }

    /// Runs a statement that returns no rows.
    pub fn execute(&mut self, statement: &str, values: &[Value]) -> Result<(), DuckDbError> {
        let failed = |source| DuckDbError::Statement {
            statement: statement.to_owned(),
            source,
        };
        let mut prepared = self.prepared(statement, values)?;
        prepared.execute_update().map_err(failed)?;
        Ok(())
    }

    /// Runs a statement and returns its rows.
    pub fn query(
        &mut self,
        statement: &str,
        values: &[Value],
    ) -> Result<Vec<RecordBatch>, DuckDbError> {
        Ok(self.query_with_schema(statement, values)?.1)
    }

    /// Runs a statement and returns its columns and rows.
    pub fn query_with_schema(
        &mut self,
        statement: &str,
        values: &[Value],
    ) -> Result<(SchemaRef, Vec<RecordBatch>), DuckDbError> {
        let failed = |source| DuckDbError::Statement {
            statement: statement.to_owned(),
            source,
        };
        let mut prepared = self.prepared(statement, values)?;
        let rows = prepared.execute().map_err(failed)?;
        let schema = rows.schema();
        let batches: Result<_, _> = rows.collect();
        let batches = batches.map_err(|error| failed(error.into()))?;
        Ok((schema, batches))
    }

    /// Runs a statement and returns its rows, every column of which is text.
    pub fn query_text(
        &mut self,
        statement: &str,
        values: &[Value],
    ) -> Result<Vec<Vec<Option<String>>>, DuckDbError> {
        let batches = self.query(statement, values)?;
        let mut rows = Vec::new();
        for batch in &batches {
            let columns: Option<Vec<&StringArray>> = batch
                .columns()
                .iter()
                .map(|column| column.as_string_opt::<i32>())
                .collect();
            let columns = columns.ok_or_else(|| DuckDbError::Unexpected {
                statement: statement.to_owned(),
                expected: "text",
            })?;
            let cell = |column: &&StringArray, row: usize| {
                column.is_valid(row).then(|| column.value(row).to_owned())
            };
            for row in 0..batch.num_rows() {
                rows.push(columns.iter().map(|column| cell(column, row)).collect());
            }
        }
        Ok(rows)
    }

    /// Runs a statement and returns its single number.
    pub fn query_count(&mut self, statement: &str, values: &[Value]) -> Result<u64, DuckDbError> {
        let batches = self.query(statement, values)?;
        let count = batches
            .iter()
            .find(|batch| batch.num_rows() == 1)
            .and_then(|batch| batch.column(0).as_primitive_opt::<Int64Type>())
            .and_then(|column| u64::try_from(column.value(0)).ok());
        count.ok_or_else(|| DuckDbError::Unexpected {
            statement: statement.to_owned(),
            expected: "count",
        })
    }

    /// Runs `work` in a transaction, which is rolled back if `work` fails or the process dies.
    pub fn transaction<T, E: From<DuckDbError>>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        self.execute("BEGIN TRANSACTION", &[])?;
        match work(self) {
            Ok(value) => {
                self.execute("COMMIT", &[])?;
                Ok(value)
            }
            Err(error) => {
                // Report the original error; closing the file rolls back anyway.
                self.execute("ROLLBACK", &[]).ok();
                Err(error)
            }
        }
    }

    fn prepared(
        &mut self,
        statement: &str,
        values: &[Value],
    ) -> Result<ManagedStatement, DuckDbError> {
        let mut prepare = || {
            let mut prepared = self.0.new_statement()?;
            prepared.set_sql_query(statement)?;
            if !values.is_empty() {
                let columns = values.iter().enumerate();
                let columns = columns.map(|(index, value)| (index.to_string(), array(value)));
                prepared.bind(RecordBatch::try_from_iter_with_nullable(
                    columns.map(|(name, array)| (name, array, true)),
                )?)?;
            }
            Ok(prepared)
        };
        let prepared: Result<_, adbc_core::error::Error> = prepare();
        prepared.map_err(|source| DuckDbError::Statement {
            statement: statement.to_owned(),
            source,
        })
    }
}

/// Repeats `open` for up to `patience` while another process has the file open.
fn when_free<T>(
    patience: Duration,
    mut open: impl FnMut() -> Result<T, DuckDbError>,
) -> Result<T, DuckDbError> {
    let deadline = Instant::now() + patience;
    loop {
        match open() {
            Err(DuckDbError::InUse { .. }) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(200));
            }
            outcome => return outcome,
        }
    }
}

fn not_opened(file: &Path, source: adbc_core::error::Error) -> DuckDbError {
    let file = file.to_owned();
    if source.message.contains("Could not set lock on file") {
        let reason = source.message;
        DuckDbError::InUse { file, reason }
    } else if is_database(&file).is_ok_and(|is_database| !is_database) {
        DuckDbError::NotADatabase { file, source }
    } else {
        DuckDbError::Open { file, source }
    }
}

/// Whether `file` starts like a database: <https://duckdb.org/docs/stable/internals/storage>.
fn is_database(file: &Path) -> io::Result<bool> {
    const CHECKSUM_BYTES: usize = 8;
    let mut start = Vec::new();
    fs::File::open(file)?.take(64).read_to_end(&mut start)?;
    Ok(start
        .get(CHECKSUM_BYTES..)
        .is_some_and(|rest| rest.starts_with(b"DUCK")))
}

/// Returns the one-row array that binds a value.
fn array(value: &Value) -> ArrayRef {
    match value {
        Value::Text(text) => Arc::new(StringArray::from(vec![text.as_deref()])),
        Value::Integer(number) => Arc::new(Int64Array::from(vec![*number])),
        Value::Boolean(flag) => Arc::new(BooleanArray::from(vec![*flag])),
    }
}
