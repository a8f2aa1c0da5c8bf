import json
import sys
import urllib.request

import duckdb

site = sys.argv[1]
with urllib.request.urlopen(site + "data/catalog.json") as response:
    catalog = json.load(response)
table = next(mart for mart in catalog["marts"] if mart["name"] == "requests_by_ward")
latest = max(file["year"] for file in table["files"])
files = [site + "data/" + file["path"] for file in table["files"] if file["year"] == latest]
answer = duckdb.sql(
    "select ward_name, sum(requests) as requests from read_parquet($files) "
    "where ward_id is not null group by ward_name order by requests desc, ward_name limit 5",
    params={"files": files},
)
for ward, requests in answer.fetchall():
    print(f"{ward}: {requests} requests in {latest}")
