"""From the library to the page of `cfreport`."""
