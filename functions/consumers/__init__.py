"""One file per queue."""

from shared.cold_start import begin

begin()
