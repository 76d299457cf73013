//! The routes as a table: on each row a path, and what answers which method there.
//!
//! The router is made of it, and the description of the API is held against it, so that neither knows a route that the
//! other does not.

use std::sync::Arc;

use axum::Router;
use axum::http::Method;
use axum::routing::{MethodFilter, MethodRouter};

use super::server::{App, Handler, on};

/// All that can be asked.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: Vec<(&'static str, Answers)>,
}

/// What answers at a path.
#[derive(Debug, Default)]
pub(super) struct Answers {
    methods: Vec<(Method, Handler)>,
    otherwise: Option<Handler>,
}

/// `handler` answers GET, and HEAD without what it says.
pub(super) fn get(handler: Handler) -> Answers {
    Answers::default().on(Method::GET, handler)
}

/// `handler` answers POST.
pub(super) fn post(handler: Handler) -> Answers {
    Answers::default().on(Method::POST, handler)
}

/// `handler` answers whatever the method is: there is nothing to be had at this path.
pub(super) fn any(handler: Handler) -> Answers {
    Answers::default().fallback(handler)
}

impl Answers {
    fn on(mut self, method: Method, handler: Handler) -> Self {
        self.methods.push((method, handler));
        self
    }

    /// And `handler` answers POST.
    pub(super) fn post(self, handler: Handler) -> Self {
        self.on(Method::POST, handler)
    }

    /// And `handler` answers PATCH.
    pub(super) fn patch(self, handler: Handler) -> Self {
        self.on(Method::PATCH, handler)
    }

    /// And `handler` answers DELETE.
    pub(super) fn delete(self, handler: Handler) -> Self {
        self.on(Method::DELETE, handler)
    }

    /// And `handler` answers all other methods.
    pub(super) fn fallback(mut self, handler: Handler) -> Self {
        self.otherwise = Some(handler);
        self
    }

    fn router(self) -> MethodRouter<Arc<App>> {
        let mut router = MethodRouter::new();
        for (method, handler) in self.methods {
            // It knows every method that there is a function for above.
            if let Ok(filter) = MethodFilter::try_from(method) {
                router = router.on(filter, on(handler));
            }
        }
        match self.otherwise {
            Some(handler) => router.fallback(on(handler)),
            None => router,
        }
    }
}

impl Table {
    /// With one more row.
    pub(super) fn route(mut self, path: &'static str, answers: Answers) -> Self {
        self.rows.push((path, answers));
        self
    }

    /// With all rows of another.
    pub(super) fn merge(mut self, other: Table) -> Self {
        self.rows.extend(other.rows);
        self
    }

    /// Each path with each method that is answered there.
    #[cfg(test)]
    pub(super) fn routes(&self) -> impl Iterator<Item = (&'static str, &Method)> {
        self.rows.iter().flat_map(|(path, answers)| answers.methods.iter().map(|(method, _)| (*path, method)))
    }

    /// A router that does what stands here.
    pub(super) fn router(self) -> Router<Arc<App>> {
        self.rows.into_iter().fold(Router::new(), |router, (path, answers)| router.route(path, answers.router()))
    }
}
