//! Measures made durable in arrival order.
