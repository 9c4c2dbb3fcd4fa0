"""A production database to every other environment: backed up, stripped, proven clean, swapped in and redeployed."""
