"""Tables of questions as repositories of the hub have them."""

import json

import pandas
import pyarrow
import pyarrow.parquet


def save(path, rows):
    """Save rows as the table that its name says, Arrow as `datasets` does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pyarrow.Table.from_pylist(rows)
    if path.suffix == ".arrow":
        with pyarrow.OSFile(str(path), "wb") as stream, pyarrow.ipc.new_stream(stream, table.schema) as writer:
            writer.write_table(table)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        pandas.DataFrame(rows).to_csv(path, index=False) if path.suffix == ".csv" else pyarrow.parquet.write_table(table, path)
