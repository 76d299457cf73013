//! Archive policy rules: which policy a metric gets by its name.
//!
//! A rule's pattern is compiled once, when the rule is made; matching a name takes at most pattern × name steps,
//! whatever the pattern. Which rule wins among several that match is decided here too, and must not depend on anything
//! but the rules themselves.

mod glob;

use std::cmp::Ordering;

use crate::error::{Error, Result};
use glob::Glob;

/// How many characters a rule's name and its pattern may have.
const MAX_LENGTH: usize = 255;

/// A rule: metrics whose name matches its pattern get its archive policy, unless they name one themselves.
///
/// Patterns are those of Python's `fnmatch`: `*` is any text, `?` any one character, `[a-z_]` any one of these and
/// `[!a-z_]` any other one; letters match in their own case only. Of several rules that match, the one with the longest
/// pattern decides.
///
/// ```
/// use gnocchetti::ArchivePolicyRule;
///
/// let rule = ArchivePolicyRule::new("disks", "disk.[a-z]*.io", "high")?;
/// assert!(rule.matches("disk.sda1.io"));
/// assert!(!rule.matches("Disk.sda1.io"));
/// # Ok::<(), gnocchetti::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivePolicyRule {
    name: String,
    metric_pattern: String,
    archive_policy_name: String,
    glob: Glob,
}

impl ArchivePolicyRule {
    /// The rule `name`, by which metrics that match `metric_pattern` get the policy `archive_policy_name`.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArchivePolicyRule`] when the name is empty, or it or the pattern has more than 255 characters.
    pub fn new(
        name: impl Into<String>,
        metric_pattern: impl Into<String>,
        archive_policy_name: impl Into<String>,
    ) -> Result<Self> {
        let (name, metric_pattern) = (name.into(), metric_pattern.into());
        check_name(&name)?;
        if metric_pattern.chars().count() > MAX_LENGTH {
            let reason = format!("its pattern has more than {MAX_LENGTH} characters");
            return Err(Error::InvalidArchivePolicyRule { name, reason });
        }
        Ok(ArchivePolicyRule {
            name,
            glob: Glob::new(&metric_pattern),
            metric_pattern,
            archive_policy_name: archive_policy_name.into(),
        })
    }

    /// The same rule under another name.
    ///
    /// # Errors
    ///
    /// As [`ArchivePolicyRule::new`].
    ///
    /// ```
    /// let rule = gnocchetti::ArchivePolicyRule::new("all", "*", "low")?.renamed("default")?;
    /// assert_eq!(rule.name(), "default");
    /// # Ok::<(), gnocchetti::Error>(())
    /// ```
    pub fn renamed(self, name: impl Into<String>) -> Result<Self> {
        let name = name.into();
        check_name(&name)?;
        Ok(ArchivePolicyRule { name, ..self })
    }

    /// The rule's own name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The glob pattern over metric names.
    pub fn metric_pattern(&self) -> &str {
        &self.metric_pattern
    }

    /// The policy that matching metrics get.
    pub fn archive_policy_name(&self) -> &str {
        &self.archive_policy_name
    }

    /// Whether a metric of this name matches; one without a name counts as the empty name.
    pub fn matches(&self, metric_name: &str) -> bool {
        self.glob.matches(metric_name)
    }

    /// The order in which rules are asked: the longest pattern first, then the one that sorts last, then by name.
    ///
    /// ```
    /// use gnocchetti::ArchivePolicyRule;
    ///
    /// let all = ArchivePolicyRule::new("all", "*", "low")?;
    /// let disks = ArchivePolicyRule::new("disks", "disk.*", "high")?;
    /// let mut rules = [all, disks];
    /// rules.sort_by(ArchivePolicyRule::precedence);
    /// assert_eq!(rules[0].name(), "disks");
    /// # Ok::<(), gnocchetti::Error>(())
    /// ```
    pub fn precedence(&self, other: &Self) -> Ordering {
        let length = |rule: &Self| rule.metric_pattern.chars().count();
        length(other)
            .cmp(&length(self))
            .then_with(|| other.metric_pattern.cmp(&self.metric_pattern))
            .then_with(|| self.name.cmp(&other.name))
    }
}

fn check_name(name: &str) -> Result<()> {
    let reason = if name.is_empty() {
        "its name is empty".to_owned()
    } else if name.chars().count() > MAX_LENGTH {
        format!("its name has more than {MAX_LENGTH} characters")
    } else {
        return Ok(());
    };
    Err(Error::InvalidArchivePolicyRule { name: name.to_owned(), reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(name: &str, pattern: &str) -> ArchivePolicyRule {
        ArchivePolicyRule::new(name, pattern, "low").unwrap()
    }

    #[test]
    fn the_longest_pattern_comes_first_and_ties_are_settled() {
        let mut rules = [
            rule("b", "*"),
            rule("short", "zzz*"),
            rule("long", "abc.xyz.*"),
            rule("exact", "abc.xyz"),
            rule("a", "*"),
            rule("ü", "ü*"),
            rule("ab", "ab*"),
            rule("other", "abc*"),
        ];
        rules.sort_by(ArchivePolicyRule::precedence);
        let names: Vec<_> = rules.iter().map(ArchivePolicyRule::name).collect();
        assert_eq!(names, ["long", "exact", "short", "other", "ab", "ü", "a", "b"]);
        assert_eq!(rules[0].precedence(&rules[0]), Ordering::Equal);
    }

    #[test]
    fn names_and_patterns_have_limits() {
        let long = "ä".repeat(256);
        let refused = [
            (ArchivePolicyRule::new("", "*", "low"), "name is empty"),
            (ArchivePolicyRule::new(long.clone(), "*", "low"), "name has more"),
            (ArchivePolicyRule::new("r", long.clone(), "low"), "pattern has more"),
            (rule("r", "*").renamed(""), "name is empty"),
            (rule("r", "*").renamed(long), "name has more"),
        ];
        for (result, expected) in refused {
            match result {
                Err(Error::InvalidArchivePolicyRule { reason, .. }) => assert!(reason.contains(expected), "{reason}"),
                other => panic!("{other:?}"),
            }
        }
        let longest = "ä".repeat(255);
        assert!(ArchivePolicyRule::new(longest.clone(), longest.clone(), "low").unwrap().matches(&longest));
        assert!(rule("nameless", "").matches("") && !rule("nameless", "").matches("a"));
    }

    #[test]
    fn a_renamed_rule_is_otherwise_the_same() {
        let renamed = rule("r", "cpu.?").renamed("s").unwrap();
        assert_eq!(renamed, rule("s", "cpu.?"));
        assert_eq!((renamed.metric_pattern(), renamed.archive_policy_name()), ("cpu.?", "low"));
    }
}
