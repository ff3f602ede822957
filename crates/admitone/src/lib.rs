//! One ticket admits one connection.
