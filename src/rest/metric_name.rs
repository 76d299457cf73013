//! Names of metrics that are made of a name and labels, so that different labels never make the same name.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::Uuid;

/// How many characters a metric's name may have.
const MOST: usize = 255;

/// `name@label=value,other=value`, in order of the labels. In labels and values, what has a meaning here or may not stand
/// in a name (`%`, `/`, `,`, `=`, control characters) stands as `%2F`.
pub(super) fn labelled<'a>(name: &str, labels: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let labels: BTreeMap<&str, &str> = labels.collect();
    let mut whole = encoded(name);
    for (index, (label, value)) in labels.into_iter().enumerate() {
        let before = if index == 0 { '@' } else { ',' };
        whole.push(before);
        whole.push_str(&encoded(label));
        whole.push('=');
        whole.push_str(&encoded(value));
    }
    fitted(whole)
}

/// A name that is not too long: of one that is, the end is cut off, and a number of the whole stands there,
/// behind a `~`.
pub(super) fn fitted(whole: String) -> String {
    if whole.chars().nth(MOST).is_none() {
        return whole;
    }
    let number = Uuid::new_v5(&Uuid::NAMESPACE_OID, whole.as_bytes()).simple().to_string();
    let begin: String = whole.chars().take(MOST - 1 - number.len()).collect();
    format!("{begin}~{number}")
}

/// `text` without what may not stand in the name of a metric or a resource, or has a meaning in one.
pub(super) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_control() || "%/,=@~".contains(c) {
            // Writing to a text does not fail.
            let _ = write!(encoded, "%{:02X}", u32::from(c));
        } else {
            encoded.push(c);
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn labels_stand_behind_the_name_in_order() {
        let labels = [("path", "/a,b"), ("code", "200")];
        assert_eq!(labelled("hits", labels.into_iter()), "hits@code=200,path=%2Fa%2Cb");
        assert_eq!(labelled("up", [].into_iter()), "up");
        let long = "é".repeat(300);
        let name = labelled("x", [("a", long.as_str())].into_iter());
        assert_eq!(name.chars().count(), MOST);
        assert_ne!(name, labelled("x", [("a", format!("{long}b").as_str())].into_iter()));
    }

    proptest! {
        #[test]
        fn different_labels_make_different_names(
            one in prop::collection::btree_map("[a,=%/@]{1,3}", "[a,=%/@~]{0,200}", 0..3),
            other in prop::collection::btree_map("[a,=%/@]{1,3}", "[a,=%/@~]{0,200}", 0..3),
        ) {
            let name = |labels: &BTreeMap<String, String>| {
                labelled("m", labels.iter().map(|(label, value)| (label.as_str(), value.as_str())))
            };
            prop_assert_eq!(one == other, name(&one) == name(&other));
            prop_assert!(!name(&one).contains('/') && name(&one).chars().count() <= MOST);
        }
    }
}
