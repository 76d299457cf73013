//! A chunk of sealed aggregates: the columns of all methods of one archive, for some rows, written jointly.
//!
//! The methods of one group say much about each other, and what one says is not written twice: a mean is the sum over
//! the count, a maximum lies a little above the minimum, a group of one measure has one value whatever the method.
//! Each such relation is tried for each chunk and kept only where it gives back every bit; otherwise the column stands
//! on its own. The methods of the values and the `rate:` ones are two families that do not refer to each other.
//!
//! A chunk begins with a directory (`directory`) that says how each column is written and where its stream is, so that
//! reading one method touches only what it derives from. Then come the group starts (`grid`), the sets of rows in
//! which only some methods have values, and the columns: first the short ones, then, each with a checksum of its own, the
//! long ones (`parts`), which need not be read where another is asked for.

mod chunk;
mod decode;
mod derive;
mod deviation;
mod directory;
mod encode;
mod family;
mod parts;
mod presence;
#[cfg(test)]
mod tests;

#[cfg(any(test, feature = "internals"))]
pub use decode::decode_aggregate;
pub use decode::{decode_aggregates, decode_opened, decode_sound_aggregates};
pub use encode::encode_aggregates;
pub use parts::{LONGEST_FRONT, Part, Parts};

/// Memory of encoder and decoder.
#[derive(Default)]
pub struct Scratch {
    streams: Vec<u8>,
    directory: directory::Directory,
    buffers: chunk::Buffers,
    present: Vec<bool>,
}
