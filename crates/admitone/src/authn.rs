//! Who is logged in.
