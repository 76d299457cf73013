//! Archive policies and the rules by which metrics get them.

use axum::http::Method;
use serde_json::{Value, json};

use super::Description;
use super::operation::{list_of, named, object, operation, text};

pub(super) fn describe(api: &mut Description) {
    schemas(api);
    let of_policies = "/v1/archive_policy";
    let all = list_of(&named("ArchivePolicy"));
    let list = operation("listArchivePolicies", "All archive policies").answers(200, "All.", &all);
    api.add(Method::GET, of_policies, list);
    let create = operation("createArchivePolicy", "Create an archive policy").json(&named("NewArchivePolicy"));
    api.add(Method::POST, of_policies, create.creates(&named("ArchivePolicy")).refuses(&[409]));
    let of_policy = "/v1/archive_policy/{name}";
    let show = operation("showArchivePolicy", "One archive policy").refuses(&[404]);
    api.add(Method::GET, of_policy, show.answers(200, "It.", &named("ArchivePolicy")));
    let update = operation("updateArchivePolicy", "Change points, timespans and back window of an archive policy");
    let update = update.json(&named("ArchivePolicyChange")).answers(200, "What it is now.", &named("ArchivePolicy"));
    api.add(Method::PATCH, of_policy, update.refuses(&[404]));
    let delete = operation("deleteArchivePolicy", "Delete an archive policy that no metric uses").refuses(&[404]);
    api.add(Method::DELETE, of_policy, delete.answers_nothing(204, "It is gone."));

    let of_rules = "/v1/archive_policy_rule";
    let all = list_of(&named("ArchivePolicyRule"));
    let list = operation("listArchivePolicyRules", "All rules, in the order in which they are asked");
    api.add(Method::GET, of_rules, list.answers(200, "All.", &all));
    let create = operation("createArchivePolicyRule", "Create a rule").json(&named("ArchivePolicyRule"));
    api.add(Method::POST, of_rules, create.creates(&named("ArchivePolicyRule")).refuses(&[409]));
    let of_rule = "/v1/archive_policy_rule/{name}";
    let show = operation("showArchivePolicyRule", "One rule").answers(200, "It.", &named("ArchivePolicyRule"));
    api.add(Method::GET, of_rule, show.refuses(&[404]));
    let rename = operation("renameArchivePolicyRule", "Rename a rule").json(&object(&json!({"name": name()}), &[]));
    let rename = rename.answers(200, "What it is now.", &named("ArchivePolicyRule"));
    api.add(Method::PATCH, of_rule, rename.refuses(&[404]));
    let delete = operation("deleteArchivePolicyRule", "Delete a rule").answers_nothing(204, "It is gone.");
    api.add(Method::DELETE, of_rule, delete.refuses(&[404]));
}

fn name() -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": 255})
}

fn schemas(api: &mut Description) {
    let window = json!({"type": "integer", "minimum": 0, "maximum": u32::MAX});
    let about = "How many blocks of the coarsest granularity measures may lie back";
    let window_said = json!({"type": "integer", "minimum": 0, "maximum": u32::MAX, "description": about});
    let methods = list_of(&text());
    let archive = object(
        &json!({"granularity": text(), "points": {"type": ["integer", "null"]}, "timespan": {"type": ["string", "null"]}}),
        &[],
    );
    let members = json!({
        "name": text(), "back_window": window, "definition": list_of(&archive), "aggregation_methods": methods,
    });
    api.schema("ArchivePolicy", object(&members, &[]));
    let span = named("Timespan");
    let points = json!({"type": "integer", "minimum": 1});
    let sent = object(
        &json!({"granularity": span, "points": points, "timespan": span}),
        &["granularity", "points", "timespan"],
    );
    let mut archives = list_of(&sent);
    archives["minItems"] = 1.into();
    archives["description"] = "Each says two of three, or the granularity alone, which keeps all points".into();
    let members = json!({
        "name": name(), "back_window": window_said, "definition": archives, "aggregation_methods": methods,
    });
    api.schema("NewArchivePolicy", object(&members, &["back_window", "aggregation_methods"]));
    let members = json!({"definition": archives, "back_window": window_said});
    api.schema("ArchivePolicyChange", object(&members, &["back_window"]));
    let pattern =
        json!({"type": "string", "description": "Of names: `*`, `?` and `[...]` mean what they mean in a shell"});
    let members = json!({"name": name(), "metric_pattern": pattern, "archive_policy_name": text()});
    api.schema("ArchivePolicyRule", object(&members, &[]));
}
