//! collectd's `types.db`: how values of each type are called, which the network protocol does not say.
//!
//! A line is `type name:KIND:min:max, name:KIND:min:max`, with commas or blanks between; only the names are looked at. A type
//! that is not there, or has another number of values, has one value that is called `value`, or several that are called by their
//! numbers.

use std::collections::HashMap;

/// The names of the values of each type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Types(HashMap<String, Vec<String>>);

impl Types {
    /// Takes what a file says, in place of what was known of its types; or refuses all of it with the line that is none.
    pub(super) fn add(&mut self, text: &str) -> Result<(), String> {
        let lines = text.lines().enumerate().map(|(number, line)| (number + 1, line.trim()));
        let types = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')).map(|(number, line)| {
            let none = || format!("line {number} is no type with its values: {line}");
            let (kind, sources) = line.split_once(char::is_whitespace).ok_or_else(none)?;
            let name = |source: &str| {
                let mut fields = source.split(':');
                let name = fields.next().filter(|name| !name.is_empty())?;
                (fields.count() == 3).then(|| name.to_owned())
            };
            let sources = sources.split([',', ' ', '\t']).filter(|source| !source.is_empty());
            let names: Option<Vec<String>> = sources.map(name).collect();
            Ok((kind.to_owned(), names.filter(|names| !names.is_empty()).ok_or_else(none)?))
        });
        let types: Vec<(String, Vec<String>)> = types.collect::<Result<_, String>>()?;
        self.0.extend(types);
        Ok(())
    }

    /// What so many values of a type are called.
    pub(super) fn names(&self, kind: &str, count: usize) -> Vec<String> {
        match self.0.get(kind).filter(|names| names.len() == count) {
            Some(names) => names.clone(),
            None if count == 1 => vec!["value".to_owned()],
            None => (0..count).map(|number| number.to_string()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_files_or_numbers() {
        let mut types = Types::default();
        types
            .add("# comment\n\nload  shortterm:GAUGE:0:5000, midterm:GAUGE:0:5000\ntemperature\tvalue:GAUGE:U:U\n")
            .unwrap();
        types.add("load 1min:GAUGE:0:5000,5min:GAUGE:0:5000\nodd first:DERIVE:0:U second:DERIVE:0:U\n").unwrap();
        assert_eq!(types.names("load", 2), ["1min", "5min"]);
        assert_eq!(types.names("load", 3), ["0", "1", "2"]);
        assert_eq!(types.names("odd", 2), ["first", "second"]);
        assert_eq!(types.names("unknown", 1), ["value"]);
        for none in ["load", "load x", "load x:GAUGE:0", "load :GAUGE:0:1", "load ,"] {
            let error = types.add(&format!("new value:GAUGE:0:1\n{none}")).unwrap_err();
            assert!(error.starts_with("line 2 is no type"), "{error}");
        }
        assert_eq!(types.names("new", 2), ["0", "1"]);
    }
}
