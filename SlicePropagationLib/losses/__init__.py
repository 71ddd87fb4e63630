"""Losses: functions of tensors that return one number to minimise.

They know nothing of files, tasks or networks.
"""
