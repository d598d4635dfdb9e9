"""Dates and times on pages: in the order they sort in, to the second, in UTC."""

DATE_FORMAT = "Y-m-d"
DATETIME_FORMAT = "Y-m-d H:i:s"
