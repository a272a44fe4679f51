"""One file per schedule."""

from shared.cold_start import begin

begin()
