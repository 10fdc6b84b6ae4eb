"""Writes the Parquet files of the tests with pyarrow 26.0.1."""

import datetime
import decimal
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq

HERE = pathlib.Path(__file__).parent


def main():
    day = datetime.date(2026, 11, 28)
    moment = datetime.datetime(2026, 11, 28, 12, 30)
    table = pa.table(
        {
            "int": pa.array([1, None, -3], pa.int32()),
            "big": pa.array([2**53, 0, -5], pa.int64()),
            "unsigned": pa.array([2**32 - 1, 0, 7], pa.uint32()),
            "float": pa.array([0.5, float("nan"), 0.1], pa.float32()),
            "double": pa.array([0.1, -1e300, None], pa.float64()),
            "truth": pa.array([True, False, None], pa.bool_()),
            "city": pa.array(["Oslo", None, "Łódź"], pa.string()),
            "day": pa.array([day, None, day], pa.date32()),
            "moment": pa.array([moment, None, moment], pa.timestamp("ms")),
            "price": pa.array([decimal.Decimal("12.34"), decimal.Decimal("-0.50"), None], pa.decimal128(9, 2)),
            "never": pa.array([None, None, None], pa.float64()),
        }
    )
    pq.write_table(table, HERE / "table.parquet", compression="snappy", row_group_size=2)
    pq.write_table(pa.table({"list": pa.array([[1, 2], [3]])}), HERE / "lists.parquet")
    pq.write_table(pa.table({"x": pa.array([1, 2**53 + 1], pa.int64())}), HERE / "huge.parquet", compression="gzip")


if __name__ == "__main__":
    main()
