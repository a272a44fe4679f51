"""One file per Git provider."""

from shared.cold_start import begin

begin()
