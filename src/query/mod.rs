//! Reading over segments and head.
