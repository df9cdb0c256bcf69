import pytest

pytest.register_assert_rewrite("format_contract")
