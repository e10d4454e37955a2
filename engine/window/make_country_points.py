#!/usr/bin/env python3
"""Writes country_points.inc from the time zone database's zone.tab (public domain), which names a principal place for each
zone of each country.

    engine/window/make_country_points.py /usr/share/zoneinfo/zone.tab > engine/window/country_points.inc
"""
import math
import re
import sys

COORDINATES = re.compile(r"^([+-])(\d{2})(\d{2})(\d{2})?([+-])(\d{3})(\d{2})(\d{2})?$")


def degrees(sign, whole, minutes, seconds):
    value = int(whole) + int(minutes) / 60 + int(seconds or 0) / 3600
    return math.radians(-value if sign == "-" else value)


def main():
    rows = []
    with open(sys.argv[1], encoding="ascii") as table:
        for line in table:
            if line.startswith("#"):
                continue
            country, coordinates = line.split("\t")[:2]
            found = COORDINATES.match(coordinates).groups()
            north, east = degrees(*found[:4]), degrees(*found[4:])
            point = math.cos(north) * math.cos(east), math.cos(north) * math.sin(east), math.sin(north)
            rows.append("{C(\"%s\"), %d, %d, %d}," % (country, *(round(10000 * p) for p in point)))
    for i in range(0, len(rows), 4):
        print(" ".join(sorted(rows)[i:i + 4]))


main()
