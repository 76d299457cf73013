//! Checks of the papers: titles, links, the index of docs, the changelog.

use std::path::{Component, Path, PathBuf};

use crate::source::is_kind;

/// The parts of every version in the changelog, in this order.
const PARTS: [&str; 5] = ["Behaviour", "Format", "C ABI", "Rust", "Python"];

/// A page must open with its title.
pub fn title(path: &str, page: &str) -> Vec<String> {
    let fits = page.strip_prefix("# ").is_some_and(|rest| rest.starts_with(|c: char| !c.is_whitespace()));
    if fits { Vec::new() } else { vec![format!("{path}:1: must open with `# ` and its title")] }
}

/// Links to files of the project that are not there.
pub fn links(path: &str, page: &str, names: &[String]) -> Vec<String> {
    let folder = Path::new(path).parent().unwrap_or(Path::new(""));
    let mut found = Vec::new();
    for (number, line) in (1..).zip(page.lines()) {
        for target in line.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap_or_default();
            let elsewhere = file.is_empty() || file.contains("://");
            if !elsewhere && !is_there(&normal(&folder.join(file)), names) {
                found.push(format!("{path}:{number}: links to {target}, which is not there"));
            }
        }
    }
    found
}

/// The path without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    let mut parts = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(parts.pop()),
            Component::CurDir => {}
            part => parts.push(part),
        }
    }
    parts
}

/// Whether the project has this file, or files in a folder of this name.
fn is_there(path: &Path, names: &[String]) -> bool {
    names.iter().any(|name| Path::new(name).starts_with(path))
}

/// Pages below `docs/` that the index does not link to.
pub fn index(index: &str, names: &[String]) -> Vec<String> {
    let pages = names.iter().filter_map(|name| name.strip_prefix("docs/"));
    pages
        .filter(|page| is_kind(page, "md") && *page != "index.md" && !index.contains(&format!("]({page})")))
        .map(|page| format!("docs/index.md: does not link to {page}"))
        .collect()
}

/// A changelog must have the newest version first, that of the manifest, and for each version the same parts.
pub fn changelog(page: &str, version: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut versions = page.split("\n## ").skip(1).peekable();
    let newest = versions.peek().and_then(|section| section.split_whitespace().next()).unwrap_or_default();
    if newest != version {
        found.push(format!("CHANGELOG.md: the first version is `{newest}`, Cargo.toml's is {version}"));
    }
    for section in versions {
        let name = section.lines().next().unwrap_or_default();
        let parts: Vec<&str> = section.lines().filter_map(|line| line.strip_prefix("### ")).collect();
        if parts != PARTS {
            found.push(format!("CHANGELOG.md: `{name}` has the parts {parts:?}; it must have {PARTS:?}"));
        }
        let filled = section.split("\n### ").skip(1).all(|part| part.contains("\n* "));
        if !filled {
            found.push(format!("CHANGELOG.md: `{name}` has a part without an entry"));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_without_title_is_found() {
        assert_eq!(title("a.md", "# Title\n"), Vec::<String>::new());
        for page in ["", "Title\n", "## Title\n", "\n# Title\n", "#  \n"] {
            assert_eq!(title("a.md", page).len(), 1, "{page:?}");
        }
    }

    #[test]
    fn a_link_to_nowhere_is_found() {
        let names = ["docs/a.md", "docs/format/b.md", "README.md"].map(str::to_owned);
        let good = "[a](a.md) [b](format/b.md#x) [r](../README.md) [d](format/) [w](https://example.org) [h](#here)";
        assert_eq!(links("docs/index.md", good, &names), Vec::<String>::new());
        let found = links("docs/index.md", "fine\n[a](a.md), [c](c.md)\n", &names);
        assert_eq!(found, ["docs/index.md:2: links to c.md, which is not there"]);
        assert_eq!(links("README.md", "[a](a.md)", &names).len(), 1);
    }

    #[test]
    fn a_page_that_the_index_forgets_is_found() {
        let names = ["docs/index.md", "docs/a.md", "docs/format/b.md", "README.md"].map(str::to_owned);
        assert_eq!(index("[a](a.md) [b](format/b.md)", &names), Vec::<String>::new());
        assert_eq!(index("[a](a.md)", &names), ["docs/index.md: does not link to format/b.md"]);
    }

    #[test]
    fn a_changelog_out_of_shape_is_found() {
        let parts = PARTS.map(|part| format!("### {part}\n\n* Something.\n\n")).concat();
        let good = format!("# Changelog\n\n## 0.2.0 (unreleased)\n\n{parts}## 0.1.0\n\n{parts}");
        assert_eq!(changelog(&good, "0.2.0"), Vec::<String>::new());
        assert_eq!(changelog(&good, "0.3.0").len(), 1);
        assert_eq!(changelog(&good.replacen("### Rust", "### Rest", 1), "0.2.0").len(), 1);
        assert_eq!(changelog(&good.replacen("* Something.", "", 1), "0.2.0").len(), 1);
        assert_eq!(changelog("# Changelog\n", "0.2.0").len(), 1);
    }
}
