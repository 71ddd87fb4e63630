"""Losses: functions of tensors that return one number to minimise; they know nothing of files, tasks or networks."""
