//! The server itself: versions, capabilities, how it fares, this description.

use axum::http::Method;
use serde_json::json;

use super::Description;
use super::operation::{list_of, object, operation, switch, text};

pub(super) fn describe(api: &mut Description) {
    let link = object(&json!({"rel": text(), "href": text()}), &[]);
    let version = json!({"id": text(), "status": text(), "updated": text(), "links": list_of(&link)});
    let versions = object(&json!({"build": text(), "versions": list_of(&object(&version, &[]))}), &[]);
    let sections = object(&json!({"version": text(), "links": list_of(&link)}), &[]);
    let methods = object(&json!({"aggregation_methods": list_of(&text())}), &[]);
    let number = json!({"type": "integer"});
    let summary = object(&json!({"metrics": number, "measures": number}), &[]);
    let storage =
        object(&json!({"summary": summary, "measures_to_process": {"type": "object"}}), &["measures_to_process"]);
    let metricd = object(&json!({"processors": {}, "statistics": {"type": "object"}}), &[]);
    let status = object(&json!({"storage": storage, "metricd": metricd}), &[]);

    let ask = |id, summary, about: &str, schema| operation(id, summary).for_everybody().answers(200, about, schema);
    api.add(Method::GET, "/", ask("listVersions", "Versions of the API", "The versions.", &versions));
    api.add(Method::GET, "/v1", ask("showVersion", "Sections of this version", "Links to the sections.", &sections));
    let all = ask("listMethods", "All aggregation methods", "The methods.", &methods);
    api.add(Method::GET, "/v1/capabilities", all);
    let this = ask("showDescription", "This description", "The description.", &json!({"type": "object"}));
    api.add(Method::GET, "/openapi.json", this);
    let health = operation("checkHealth", "Whether requests are answered").for_everybody();
    api.add(Method::GET, "/healthcheck", health.answers_nothing(200, "They are."));
    let numbers = operation("showNumbers", "The server's own numbers, in Prometheus' text").for_everybody();
    api.add(Method::GET, "/metrics", numbers.answers_kind(200, "The numbers.", "text/plain", &text()));
    let waiting = operation("showStatus", "What waits to be processed: nothing, ever").answers(200, "That.", &status);
    api.add(Method::GET, "/v1/status", waiting.query("details", &switch(), "Also which metrics"));
}
