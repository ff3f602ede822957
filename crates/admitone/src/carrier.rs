//! Where a request holds a credential.
