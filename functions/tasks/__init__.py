"""One file per state of the machines."""

from shared.cold_start import begin

begin()
