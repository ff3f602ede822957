//! The client through its public doors.

mod vectors;
