"""What stands before the endpoints."""

from shared.cold_start import begin

begin()
