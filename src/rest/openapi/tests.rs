//! What is described is what is there.

use std::collections::BTreeSet;

use super::operation::{operation, path_parameters};
use super::*;
use crate::rest::table;

/// Routes of one that are not among those of the other.
fn lacking(these: &BTreeSet<(String, String)>, of: &BTreeSet<(String, String)>) -> Vec<String> {
    of.difference(these).map(|(path, method)| format!("{method} {path}")).collect()
}

/// The paths of a document with their methods.
fn described(document: &Value) -> BTreeSet<(String, String)> {
    let paths = document["paths"].as_object().unwrap();
    let of_path = |(path, methods): (&String, &Value)| {
        let path = path.clone();
        let methods: Vec<String> = methods.as_object().unwrap().keys().cloned().collect();
        methods.into_iter().map(move |method| (path.clone(), method))
    };
    paths.iter().flat_map(of_path).collect()
}

fn answered() -> BTreeSet<(String, String)> {
    let table = table();
    let routes = table.routes().map(|(path, method)| (path.to_owned(), method.as_str().to_ascii_lowercase()));
    routes.collect()
}

fn whole() -> Value {
    Description::whole().document("http://here", Auth::Basic)
}

/// What every reference in a document names.
fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str));
            members.values().for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[test]
fn every_route_is_described_and_no_other() {
    let (described, answered) = (described(&whole()), answered());
    let none = Vec::<String>::new();
    assert_eq!(lacking(&described, &answered), none, "routes that src/rest/openapi/ does not describe");
    assert_eq!(lacking(&answered, &described), none, "described in src/rest/openapi/, and no route");
    assert!(answered.len() > 20);
}

#[test]
fn a_route_too_many_is_found() {
    let mut description = Description::whole();
    description.add(Method::PATCH, "/v1/metric/{id}", operation("changeMetric", "There is no such thing"));
    let described = described(&description.document("http://here", Auth::Basic));
    assert_eq!(lacking(&answered(), &described), ["patch /v1/metric/{id}"]);
    let mut fewer = described.clone();
    fewer.remove(&("/v1/status".to_owned(), "get".to_owned()));
    assert_eq!(lacking(&fewer, &answered()), ["get /v1/status"]);
}

#[test]
fn references_lead_somewhere_and_nothing_is_described_in_vain() {
    let document = whole();
    let mut found = Vec::new();
    references(&document, &mut found);
    let found: BTreeSet<&str> = found.into_iter().collect();
    for reference in &found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
    for part in ["schemas", "responses"] {
        for name in document["components"][part].as_object().unwrap().keys() {
            let reference = format!("#/components/{part}/{name}");
            assert!(found.contains(reference.as_str()), "nothing names {reference}");
        }
    }
}

#[test]
fn operations_have_names_of_their_own_and_the_parameters_of_their_paths() {
    let description = Description::whole();
    let ids: BTreeSet<&str> = description.operations.iter().map(|(_, _, operation)| operation.id()).collect();
    assert_eq!(ids.len(), description.operations.len());
    for (path, methods) in whole()["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let parameters = operation["parameters"].as_array().unwrap();
            let declared: Vec<&str> = parameters
                .iter()
                .filter(|parameter| parameter["in"] == "path")
                .filter_map(|parameter| parameter["name"].as_str())
                .collect();
            assert_eq!(declared, path_parameters(path).collect::<Vec<_>>(), "{method} {path}");
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.keys().any(|status| status.starts_with('2')), "{method} {path}");
        }
    }
}

#[test]
fn it_says_how_users_are_known() {
    for (auth, expected) in
        [(Auth::Basic, json!([{"basic": []}])), (Auth::RemoteUser, json!([{"proxy": []}])), (Auth::NoAuth, json!([]))]
    {
        let document = Description::whole().document("http://here/below", auth);
        let of = |path: &str| document["paths"][path]["get"]["security"].clone();
        assert_eq!(of("/v1/metric"), expected);
        assert_eq!(of("/v1/capabilities"), json!([]));
        assert_eq!(document["servers"][0]["url"], "http://here/below");
    }
}
