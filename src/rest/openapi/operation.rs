//! One operation of the description, put together from what is said of it and from what holds for all of them.

use serde_json::{Map, Value, json};

/// What every operation may answer: a path or a query that cannot be decoded, what this server always refuses, and its own
/// failures.
const ALWAYS: &[u16] = &[400, 406, 408, 500, 503];

/// What is answered in addition to somebody without a name, or who may not.
const SECURED: &[u16] = &[401, 403];

/// What is answered in addition when there is a body.
const WITH_BODY: &[u16] = &[413, 415];

/// The description of one operation.
#[derive(Debug)]
pub(super) struct Operation {
    id: &'static str,
    summary: &'static str,
    parameters: Vec<Value>,
    body: Map<String, Value>,
    needs_body: bool,
    responses: Map<String, Value>,
    refusals: Vec<u16>,
    open: bool,
}

/// An operation, for those who have a name.
pub(super) fn operation(id: &'static str, summary: &'static str) -> Operation {
    Operation {
        id,
        summary,
        parameters: Vec::new(),
        body: Map::new(),
        needs_body: true,
        responses: Map::new(),
        refusals: ALWAYS.to_vec(),
        open: false,
    }
}

/// What has this name among the schemas.
pub(super) fn named(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

/// A list of these.
pub(super) fn list_of(items: &Value) -> Value {
    json!({"type": "array", "items": items})
}

/// A text.
pub(super) fn text() -> Value {
    json!({"type": "string"})
}

/// Yes or no.
pub(super) fn switch() -> Value {
    json!({"type": "boolean"})
}

/// An object with these members, of which all but those in `optional` are there.
pub(super) fn object(members: &Value, optional: &[&str]) -> Value {
    let names = members.as_object().into_iter().flat_map(Map::keys);
    let required: Vec<&String> = names.filter(|name| !optional.contains(&name.as_str())).collect();
    json!({"type": "object", "properties": members, "required": required, "additionalProperties": false})
}

impl Operation {
    /// A parameter of the query, which may be left out.
    pub(super) fn query(self, name: &str, schema: &Value, about: &str) -> Self {
        self.parameter("query", name, schema, about)
    }

    /// A parameter of the query that may be given several times.
    pub(super) fn queries(self, name: &str, items: &Value, about: &str) -> Self {
        let list = list_of(items);
        self.parameter("query", name, &list, about)
    }

    /// A header, which may be left out.
    pub(super) fn header(self, name: &str, about: &str) -> Self {
        self.parameter("header", name, &text(), about)
    }

    fn parameter(mut self, place: &str, name: &str, schema: &Value, about: &str) -> Self {
        self.parameters.push(json!({"name": name, "in": place, "description": about, "schema": schema}));
        self
    }

    /// The query's parameters of lists that come in pages.
    pub(super) fn paged(self) -> Self {
        self.query(
            "limit",
            &json!({"type": "integer", "minimum": 1}),
            "How many at most; the server has a limit of its own",
        )
        .query("marker", &text(), "Behind which one: its id, or that of a revision, as `Link` has it")
        .queries(
            "sort",
            &text(),
            "An attribute, and behind a colon `asc` or `desc`, and `nullsfirst` or `nullslast`",
        )
    }

    /// The query's parameters of questions about points.
    pub(super) fn asking(self) -> Self {
        self.query("start", &text(), "From this time on: seconds, a date, or relative to now")
            .query("stop", &text(), "Before this time")
            .query("granularity", &text(), "Seconds, or a length of time as a text")
    }

    /// The query's parameters of questions across metrics.
    pub(super) fn asking_across(self) -> Self {
        self.asking()
            .query("needed_overlap", &text(), "How many of the series must have a point, in percent")
            .query(
                "fill",
                &text(),
                "For points that series lack: a number, `null`, `dropna`, `ffill`, `bfill` and their `full_` forms",
            )
            .query("refresh", &switch(), "Changes nothing: answers are always fresh")
    }

    /// The body, in JSON.
    pub(super) fn json(self, schema: &Value) -> Self {
        self.sent("application/json", schema)
    }

    /// The body, of this kind.
    pub(super) fn sent(mut self, kind: &str, schema: &Value) -> Self {
        self.body.insert(kind.to_owned(), json!({"schema": schema}));
        self
    }

    /// It may depend on what the client knows of a resource.
    pub(super) fn conditional(self) -> Self {
        self.header("If-Match", "Only when the resource is still in a state of one of these `ETag`s")
            .header("If-None-Match", "Only when it is in none of these states")
            .header("If-Modified-Since", "Only what was changed since")
            .header("If-Unmodified-Since", "Only when it was not changed since")
            .refuses(&[412])
    }

    /// The answer of this status says in which state a resource is.
    pub(super) fn tells_state(mut self, status: u16) -> Self {
        for (name, about) in [("ETag", "What its state is known by"), ("Last-Modified", "Since when it is in it")] {
            let header = json!({"description": about, "required": true, "schema": text()});
            self.response(status, "")["headers"][name] = header;
        }
        self
    }

    /// The body may be left out.
    pub(super) fn needs_no_body(mut self) -> Self {
        self.needs_body = false;
        self
    }

    /// An answer in JSON.
    pub(super) fn answers(self, status: u16, about: &str, schema: &Value) -> Self {
        self.answers_kind(status, about, "application/json", schema)
    }

    /// An answer of some kind.
    pub(super) fn answers_kind(mut self, status: u16, about: &str, kind: &str, schema: &Value) -> Self {
        let response = self.response(status, about);
        response["content"][kind] = json!({"schema": schema});
        self
    }

    /// An answer that says nothing more.
    pub(super) fn answers_nothing(mut self, status: u16, about: &str) -> Self {
        self.response(status, about);
        self
    }

    /// That something was created: what, and where it is.
    pub(super) fn creates(self, schema: &Value) -> Self {
        let mut created = self.answers(201, "It was created.", schema);
        let location = json!({"description": "Where it is", "required": true, "schema": text()});
        created.response(201, "")["headers"]["Location"] = location;
        created
    }

    /// A page of these, and the way to the next one.
    pub(super) fn lists(self, item: &Value) -> Self {
        let mut listed = self.paged().answers(200, "A page.", &list_of(item));
        let link = json!({"description": "Where the next page is, when this one is full", "schema": text()});
        listed.response(200, "")["headers"]["Link"] = link;
        listed
    }

    fn response(&mut self, status: u16, about: &str) -> &mut Value {
        self.responses.entry(status.to_string()).or_insert_with(|| json!({"description": about}))
    }

    /// Statuses of refusals that are its own.
    pub(super) fn refuses(mut self, statuses: &[u16]) -> Self {
        self.refusals.extend(statuses);
        self
    }

    /// Nobody is asked who he is.
    pub(super) fn for_everybody(mut self) -> Self {
        self.open = true;
        self
    }

    /// It, as it stands in the description; `path` says which parameters it has besides, and `security` who may ask.
    pub(super) fn described(mut self, path: &str, security: &Value) -> Value {
        let mut parameters: Vec<Value> = path_parameters(path).map(path_parameter).collect();
        parameters.append(&mut self.parameters);
        if !self.open {
            self.refusals.extend(SECURED);
        }
        if !self.body.is_empty() {
            self.refusals.extend(WITH_BODY);
        }
        for status in self.refusals {
            let response = json!({"$ref": format!("#/components/responses/{status}")});
            self.responses.entry(status.to_string()).or_insert(response);
        }
        let mut described = json!({
            "operationId": self.id,
            "summary": self.summary,
            "parameters": parameters,
            "responses": self.responses,
            "security": if self.open { json!([]) } else { security.clone() },
        });
        if !self.body.is_empty() {
            described["requestBody"] = json!({"content": self.body, "required": self.needs_body});
        }
        described
    }

    /// Its name, by which programs know it.
    #[cfg(test)]
    pub(super) fn id(&self) -> &'static str {
        self.id
    }
}

/// The parts of a path that are open.
pub(super) fn path_parameters(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
}

fn path_parameter(name: &str) -> Value {
    let about = match name {
        "id" => "Its id, a UUID; of a resource also what its creator calls it",
        "type" => "The name of a resource type",
        _ => "Its name",
    };
    let schema = json!({"type": "string", "minLength": 1});
    json!({"name": name, "in": "path", "required": true, "description": about, "schema": schema})
}
