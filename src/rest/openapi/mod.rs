//! `/openapi.json`: the API described as `OpenAPI` 3.1, for programs that make clients and tests of it.
//!
//! The paths and methods stand in the router's table; what each of them takes and answers is described here, by subject. A
//! test holds both against each other. Nothing is looked up for it: it is the same whatever is in the database.

mod about;
mod across;
mod agents;
mod metrics;
mod operation;
mod policies;
mod resources;
mod searches;
mod shared;

#[cfg(test)]
mod tests;

use axum::http::Method;
use serde_json::{Map, Value, json};

use self::operation::Operation;
use super::call::{Call, Reply};
use super::failure::Failure;
use super::options::Auth;
use super::server::App;

/// What is described: operations, where they are asked for, and the schemas that they name.
#[derive(Debug, Default)]
struct Description {
    operations: Vec<(&'static str, Method, Operation)>,
    schemas: Map<String, Value>,
}

impl Description {
    /// All of it.
    fn whole() -> Self {
        let mut description = Description::default();
        for describe in [shared::describe, about::describe, policies::describe, metrics::describe] {
            describe(&mut description);
        }
        for describe in [resources::describe, across::describe, searches::describe, agents::describe] {
            describe(&mut description);
        }
        description
    }

    /// With one more operation.
    fn add(&mut self, method: Method, path: &'static str, operation: Operation) {
        self.operations.push((path, method, operation));
    }

    /// With a schema that others name.
    fn schema(&mut self, name: &str, schema: Value) {
        self.schemas.insert(name.to_owned(), schema);
    }

    /// It as `OpenAPI` has it, of a server that is at `origin` and knows by `auth` who asks.
    fn document(self, origin: &str, auth: Auth) -> Value {
        let (security, schemes) = security(auth);
        let mut paths = Map::new();
        for (path, method, operation) in self.operations {
            let at = paths.entry(path).or_insert_with(|| json!({}));
            at[method.as_str().to_ascii_lowercase()] = operation.described(path, &security);
        }
        json!({
            "openapi": "3.1.0",
            "info": {
                "title": "Gnocchetti",
                "summary": "Gnocchi's HTTP API",
                "version": env!("CARGO_PKG_VERSION"),
                "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
            },
            "servers": [{"url": origin}],
            "paths": paths,
            "components": {"schemas": self.schemas, "responses": shared::refusals(), "securitySchemes": schemes},
        })
    }
}

/// How it is known who asks: what an operation needs, and what that is.
fn security(auth: Auth) -> (Value, Value) {
    match auth {
        Auth::Basic => {
            let about = "The user's name; the password where the server has a file of them, else nothing";
            (json!([{"basic": []}]), json!({"basic": {"type": "http", "scheme": "basic", "description": about}}))
        }
        Auth::RemoteUser => {
            let scheme =
                json!({"type": "apiKey", "in": "header", "name": "X-Remote-User", "description": "Set by a proxy"});
            (json!([{"proxy": []}]), json!({"proxy": scheme}))
        }
        Auth::NoAuth => (json!([]), json!({})),
    }
}

/// `GET /openapi.json`.
pub(super) fn show(app: &App, call: &Call) -> Result<Reply, Failure> {
    Reply::json(&Description::whole().document(call.origin(), app.auth()))
}
