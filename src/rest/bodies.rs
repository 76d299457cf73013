//! Bodies of requests, read whole, with room for only so much of them at a time.
//!
//! A body takes room as it comes, not as it is announced, so many slow ones take little. When there is no room, a request
//! is refused at once, not made to wait: what waits would hold the room that others wait for.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::failure::Failure;

/// The unit of room, in bytes.
const UNIT: usize = 4096;

/// Room for bodies.
#[derive(Debug)]
pub(super) struct Bodies(Arc<Semaphore>);

/// A body, and the room that it takes until this is dropped.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) bytes: Bytes,
    pub(super) room: OwnedSemaphorePermit,
}

impl Bodies {
    /// Room for so many bytes.
    pub(super) fn of(bytes: usize) -> Self {
        Bodies(Arc::new(Semaphore::new((bytes / UNIT).clamp(1, Semaphore::MAX_PERMITS))))
    }

    /// A body of at most `most` bytes.
    pub(super) async fn read(&self, body: Body, most: usize) -> Result<Held, Failure> {
        let mut body = Limited::new(body, most);
        let mut bytes: Vec<u8> = Vec::new();
        let mut room = self.room(0)?;
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|error| unread(error.as_ref()))?.into_data() else { continue };
            bytes.extend_from_slice(&data);
            let missing = bytes.capacity().div_ceil(UNIT).saturating_sub(room.num_permits());
            room.merge(self.room(missing)?);
        }
        Ok(Held { bytes: bytes.into(), room })
    }

    fn room(&self, units: usize) -> Result<OwnedSemaphorePermit, Failure> {
        let units = u32::try_from(units).map_err(|_| Failure::of(StatusCode::PAYLOAD_TOO_LARGE))?;
        Arc::clone(&self.0).try_acquire_many_owned(units).map_err(|_| {
            let reason = "Other requests take all the memory that there is for bodies; try again later.";
            Failure::because(StatusCode::SERVICE_UNAVAILABLE, reason)
        })
    }
}

/// Why a body could not be read.
fn unread(error: &(dyn std::error::Error + Send + Sync + 'static)) -> Failure {
    let too_long =
        error.is::<LengthLimitError>() || error.source().is_some_and(<dyn std::error::Error>::is::<LengthLimitError>);
    if too_long {
        return Failure::of(StatusCode::PAYLOAD_TOO_LARGE);
    }
    Failure::bad(format!("The body cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(failure: &Failure) -> u16 {
        failure.response(false).status().as_u16()
    }

    #[test]
    fn bodies_take_room_while_they_are_held() {
        let bodies = Bodies::of(100 * UNIT);
        let body = || Body::from(vec![b'x'; 60 * UNIT]);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let first = bodies.read(body(), 1 << 20).await.unwrap();
            assert_eq!(first.bytes.len(), 60 * UNIT);
            assert_eq!(status(&bodies.read(body(), 1 << 20).await.unwrap_err()), 503);
            let small = bodies.read(Body::from("{}"), 1 << 20).await.unwrap();
            drop(first);
            assert_eq!(bodies.read(body(), 1 << 20).await.unwrap().bytes.len(), 60 * UNIT);
            drop(small);
            assert_eq!(bodies.0.available_permits(), 100, "all of it is given back");
            assert_eq!(status(&bodies.read(body(), UNIT).await.unwrap_err()), 413);
            assert_eq!(bodies.0.available_permits(), 100, "also what was refused");
        });
    }
}
