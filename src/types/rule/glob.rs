//! Glob patterns with the meaning of Python's `fnmatch.fnmatchcase`.

/// A compiled pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Glob(Vec<Token>);

/// What one place of a pattern takes.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// Any text, also none.
    Star,
    /// Any one character.
    Any,
    /// This character.
    Literal(char),
    /// One character in (or, when negated, in none of) these ranges, both ends inside.
    Class { negated: bool, ranges: Vec<(char, char)> },
}

impl Token {
    fn takes(&self, c: char) -> bool {
        match self {
            Token::Star => false,
            Token::Any => true,
            Token::Literal(literal) => *literal == c,
            Token::Class { negated, ranges } => {
                ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated
            }
        }
    }
}

impl Glob {
    pub(super) fn new(pattern: &str) -> Self {
        let chars: Vec<char> = pattern.chars().collect();
        let mut tokens = Vec::with_capacity(chars.len());
        let mut rest = chars.as_slice();
        while let [first, after @ ..] = rest {
            rest = after;
            match first {
                '*' if tokens.last() == Some(&Token::Star) => {}
                '*' => tokens.push(Token::Star),
                '?' => tokens.push(Token::Any),
                '[' => match class(after) {
                    Some((class, after)) => {
                        tokens.push(class);
                        rest = after;
                    }
                    None => tokens.push(Token::Literal('[')),
                },
                literal => tokens.push(Token::Literal(*literal)),
            }
        }
        Glob(tokens)
    }

    /// Whether the whole text matches.
    ///
    /// Each star takes as little as it can. When the text then does not go on as the pattern wants, only the last star
    /// need take more: whatever an earlier one could take, the later one can.
    pub(super) fn matches(&self, text: &str) -> bool {
        let mut tokens = self.0.as_slice();
        let mut rest = text.chars();
        let mut last_star = None;
        loop {
            let mut ahead = rest.clone();
            match (tokens.split_first(), ahead.next()) {
                (Some((Token::Star, after)), _) => {
                    tokens = after;
                    last_star = Some((after, rest.clone()));
                }
                (None, None) => return true,
                (Some((token, after)), Some(c)) if token.takes(c) => {
                    tokens = after;
                    rest = ahead;
                }
                // At the end of the text a star that takes more leaves even less for what follows it.
                (_, None) => return false,
                (_, Some(_)) => match &mut last_star {
                    None => return false,
                    Some((after, taken)) => {
                        taken.next();
                        tokens = after;
                        rest = taken.clone();
                    }
                },
            }
        }
    }
}

/// The class whose `[` has just been read, and what follows its `]`; `None` when it has none and the `[` is a literal.
fn class(rest: &[char]) -> Option<(Token, &[char])> {
    let (negated, rest) = match rest {
        ['!', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    // A `]` in the first place is a member.
    let end = 1 + rest.get(1..)?.iter().position(|c| *c == ']')?;
    let (members, after) = rest.split_at(end);
    Some((Token::Class { negated, ranges: ranges(members) }, after.get(1..)?))
}

/// Single characters and `a-z` ranges; a `-` at either end is a member.
fn ranges(mut members: &[char]) -> Vec<(char, char)> {
    let mut ranges = Vec::new();
    while let [first, after @ ..] = members {
        let (last, after) = match after {
            ['-', last, after @ ..] => (last, after),
            after => (first, after),
        };
        ranges.push((*first, *last));
        members = after;
    }
    ranges
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The meaning of the tokens, spelt out: exponential, and plainly right.
    fn model(tokens: &[Token], text: &[char]) -> bool {
        match (tokens, text) {
            ([], []) => true,
            ([Token::Star, rest @ ..], _) => (0..=text.len()).any(|taken| model(rest, &text[taken..])),
            ([token, tokens @ ..], [c, text @ ..]) => token.takes(*c) && model(tokens, text),
            _ => false,
        }
    }

    #[test]
    fn patterns_mean_what_fnmatch_says() {
        let cases = [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "a\nb", true),
            ("**", "abc", true),
            ("?", "é", true),
            ("?", "", false),
            ("disk.*", "disk.sda.io", true),
            ("disk.*", "disk", false),
            ("*.io", "disk.io.rate", false),
            ("*.io", "disk.io.io", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXcYc", false),
            ("ABC", "abc", false),
            ("a\\*b", "a\\xb", true),
            ("a\\*b", "a*b", false),
            ("[abc]", "b", true),
            ("[abc]", "d", false),
            ("[abc]", "", false),
            ("[a-c]x", "bx", true),
            ("[!a-c]", "d", true),
            ("[!a-c]", "b", false),
            ("[^a]", "^", true),
            ("[^a]", "b", false),
            ("[]]", "]", true),
            ("[]a]", "a", true),
            ("[!]]", "]", false),
            ("[!]]", "a", true),
            ("[]", "[]", true),
            ("[!]", "[!]", true),
            ("[!", "[!", true),
            ("[", "[", true),
            ("[abc", "[abc", true),
            ("[abc", "a", false),
            ("[*", "[anything", true),
            ("[[]", "[", true),
            ("[*?]", "*", true),
            ("[*?]", "x", false),
            ("[-a]", "-", true),
            ("[a-]", "-", true),
            ("[a-c-e]", "-", true),
            ("[a-c-e]", "d", false),
            ("[a-c--f]", "A", true),
            ("[--a]", "A", true),
            ("[z-a]", "m", false),
            ("[!z-a]", "m", true),
            ("[z-ab]", "b", true),
            ("[ä-ü]", "ö", true),
            ("[\\]", "\\", true),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(Glob::new(pattern).matches(text), expected, "{pattern:?} {text:?}");
        }
    }

    #[test]
    fn many_stars_take_no_exponential_time() {
        let pattern = "a*".repeat(100) + "b";
        assert!(!Glob::new(&pattern).matches(&"a".repeat(100_000)));
        assert!(Glob::new(&pattern).matches(&("a".repeat(100_000) + "b")));
    }

    proptest! {
        #[test]
        fn matching_agrees_with_the_model(pattern in "[ab?*\\[\\]!-]{0,10}", text in "[ab!\\]\\[-]{0,8}") {
            let glob = Glob::new(&pattern);
            let chars: Vec<char> = text.chars().collect();
            prop_assert_eq!(glob.matches(&text), model(&glob.0, &chars), "{:?} {:?}", pattern, text);
        }

        #[test]
        fn a_text_matches_itself_escaped(text in "\\PC{0,20}") {
            let escaped: String = text.chars().flat_map(|c| ['[', c, ']']).collect();
            prop_assert!(Glob::new(&escaped).matches(&text) || text.contains('!'));
        }
    }
}
