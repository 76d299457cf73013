//! Archive policy rules: which policy a metric gets by its name.

/// A rule: metrics whose name matches `metric_pattern` get the policy `archive_policy_name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivePolicyRule {
    /// The rule's own name.
    pub name: String,
    /// A glob pattern over metric names.
    pub metric_pattern: String,
    /// The policy that matching metrics get.
    pub archive_policy_name: String,
}
