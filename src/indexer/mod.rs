//! SQLite: policies, rules, metrics.
