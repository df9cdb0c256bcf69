"""Prints what setup.cfg requires, one a line; names that are given are left out."""

import configparser
import re
import sys

config = configparser.ConfigParser()
config.read("setup.cfg")
required = config["options"]["install_requires"].split()
print(*(one for one in required if re.split("[<>=]", one)[0] not in sys.argv[1:]), sep="\n")
