"""Every scenario of the language."""

from tests.workflows.scenarios_of_data import CHOICES, DATA
from tests.workflows.scenarios_of_errors import ERRORS, NESTED, TOKENS

SCENARIOS = [*DATA, *CHOICES, *ERRORS, *TOKENS, *NESTED]
