"""The whole story on an emulated AWS: functions in containers, everything through AWS's APIs."""
