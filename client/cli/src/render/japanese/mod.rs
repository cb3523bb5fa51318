//! Translates the sentences of checks and readers from English into Japanese.
//!
//! The code that finds an error states it in English, once, with names and numbers in it: a web
//! search finds that, and programs get it. A report in Japanese has to be understood by people who
//! read no English, so `messages.txt` has every such sentence as a template, with its translation.
//! A sentence without one is not shown in English: the report says where it is.

use std::sync::LazyLock;

/// Sentences inside of sentences; more are cut.
const DEPTH_MAX: usize = 8;

/// Attempts to translate one sentence and the sentences inside of it. Real ones take some dozen;
/// names that an attacker chose to fit many templates at every depth would take millions.
const ATTEMPTS_MAX: usize = 500;

/// Longer than any sentence with its names; a longer text is not looked up.
const LEN_MAX: usize = 64 << 10;

/// A sentence in English, taken apart where something else stands in it.
struct Template {
    /// The texts around and between the placeholders, one more than there are placeholders.
    around: Vec<&'static str>,
    /// For each placeholder whether its value is a sentence itself.
    messages: Vec<bool>,
    japanese: &'static str,
}

static TEMPLATES: LazyLock<Vec<Template>> = LazyLock::new(|| {
    let lines = include_str!("messages.txt").lines();
    let mut lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut all = Vec::new();
    while let (Some(english), Some(japanese)) = (lines.next(), lines.next()) {
        all.push(Template::read(english, japanese));
    }
    // The template with the most text first.
    all.sort_by_key(|it| std::cmp::Reverse(it.around.iter().map(|it| it.len()).sum::<usize>()));
    all
});

/// `said` in Japanese; an unknown part is named as such.
pub fn in_japanese(said: &str) -> String {
    let mut attempts = ATTEMPTS_MAX;
    translated(said, 0, &mut attempts).map_or_else(|| unknown(said), |(japanese, _)| japanese)
}

/// `said` in Japanese, if all of it is known.
pub fn known_in_japanese(said: &str) -> Option<String> {
    let mut attempts = ATTEMPTS_MAX;
    let (japanese, complete) = translated(said, 0, &mut attempts)?;
    complete.then_some(japanese)
}

/// The text that replaces an unknown one.
fn unknown(said: &str) -> String {
    // Identifiers and numbers are the same in every language.
    let is_word = |word: &&str| word.len() > 1 && word.bytes().all(|it| it.is_ascii_lowercase());
    if said.split_whitespace().filter(is_word).count() < 2 {
        return said.to_owned();
    }
    "詳細は --lang en または --json で確認できます".to_owned()
}

/// The translation, and whether all of it is one. Takes from `attempts`, and gives up when none is
/// left.
fn translated(said: &str, depth: usize, attempts: &mut usize) -> Option<(String, bool)> {
    if depth >= DEPTH_MAX || said.len() > LEN_MAX {
        return None;
    }
    *attempts = attempts.checked_sub(1)?;
    if let Some((sentence, code)) = code_behind(said)
        && let Some((japanese, complete)) = translated(sentence, depth + 1, attempts)
    {
        return Some((format!("{japanese}（{code}）"), complete));
    }
    let mut partial = None;
    for template in TEMPLATES.iter() {
        let Some(values) = template.values(said) else {
            continue;
        };
        let (mut filled, mut complete) = (Vec::new(), true);
        for (value, is_message) in values.into_iter().zip(&template.messages) {
            filled.push(if *is_message {
                let (value, all) = translated(value, depth + 1, attempts)
                    .unwrap_or_else(|| (unknown(value), false));
                complete &= all;
                value
            } else {
                value.to_owned()
            });
        }
        let japanese = template.fill(&filled);
        if complete {
            return Some((japanese, true));
        }
        partial.get_or_insert((japanese, false));
    }
    partial
}

/// Splits a sentence from the code of its reason, which follows it in brackets and is the same in
/// every language.
fn code_behind(said: &str) -> Option<(&str, &str)> {
    let (sentence, code) = said.strip_suffix(')')?.rsplit_once(" (")?;
    let is_code = code.contains('-')
        && code
            .bytes()
            .all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-');
    is_code.then_some((sentence, code))
}

impl Template {
    fn read(english: &'static str, japanese: &'static str) -> Self {
        let (mut around, mut messages, mut rest) = (Vec::new(), Vec::new(), english);
        while let Some((before, behind)) = rest.split_once('{') {
            let (name, after) = behind.split_once('}').unwrap_or((behind, ""));
            around.push(before);
            messages.push(name == "m");
            rest = after;
        }
        around.push(rest);
        Self {
            around,
            messages,
            japanese,
        }
    }

    /// The values of the placeholders, if `said` is this sentence.
    fn values<'a>(&self, said: &'a str) -> Option<Vec<&'a str>> {
        let (first, others) = self.around.split_first()?;
        let mut rest = said.strip_prefix(first)?;
        let Some((last, between)) = others.split_last() else {
            return rest.is_empty().then(Vec::new);
        };
        let mut values = Vec::new();
        for literal in between {
            let (value, after) = rest.split_once(literal)?;
            values.push(value);
            rest = after;
        }
        values.push(rest.strip_suffix(last)?);
        Some(values)
    }

    fn fill(&self, values: &[String]) -> String {
        let mut out = String::new();
        let mut rest = self.japanese;
        while let Some((before, behind)) = rest.split_once('{') {
            let (place, after) = behind.split_once('}').unwrap_or((behind, ""));
            out.push_str(before);
            let value = place
                .parse()
                .ok()
                .and_then(|place: usize| values.get(place));
            out.push_str(value.map_or("", String::as_str));
            rest = after;
        }
        out + rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_inside_of_sentences_are_translated_and_names_are_not() {
        let said = "the record of this artifact is not what the proof proves: the proof has 8 hashes, this \
                    position needs 11";
        let japanese = known_in_japanese(said).unwrap();
        assert!(
            japanese.ends_with("証明のハッシュは 8 個ですが、この位置には 11 個必要です"),
            "{japanese}"
        );
        let said =
            "token: certificate `CN=the file is empty` is valid from A to B, not at C (token-path)";
        let japanese = known_in_japanese(said).unwrap();
        assert!(japanese.contains("`CN=the file is empty`"), "{japanese}");
        assert!(japanese.ends_with("（token-path）"), "{japanese}");
    }

    #[test]
    fn a_name_that_fits_every_template_costs_a_bounded_amount() {
        let hostile = "a; this is b; it is c: d, before e (f); ".repeat(40);
        for most in [ATTEMPTS_MAX, 20 * ATTEMPTS_MAX] {
            let mut attempts = most;
            let found = translated(&hostile, 0, &mut attempts);
            assert_eq!(attempts, 0, "it would take more than {most}");
            assert!(!found.is_some_and(|(_, complete)| complete));
        }
        // The control: an honest sentence takes a fraction.
        let said = "token: certificate `CN=A` is valid from A to B, not at C (token-path)";
        let mut attempts = ATTEMPTS_MAX;
        assert!(translated(said, 0, &mut attempts).is_some_and(|(_, complete)| complete));
        assert!(attempts > ATTEMPTS_MAX / 2, "{attempts} are left");
    }

    #[test]
    fn what_is_not_known_is_not_shown_in_english() {
        assert_eq!(known_in_japanese("some words that nobody translated"), None);
        let japanese = in_japanese("CRL: some words that nobody translated");
        assert!(japanese.starts_with("CRL：詳細は"), "{japanese}");
        assert_eq!(in_japanese("id-kp-timeStamping"), "id-kp-timeStamping");
    }

    /// Every placeholder in a translation is one of the sentence, and every placeholder of the
    /// sentence is kept.
    #[test]
    fn every_translation_fits_its_sentence() {
        for template in TEMPLATES.iter() {
            for place in 0..template.messages.len() {
                let known = [format!("{{{place}}}")];
                let has = known
                    .iter()
                    .all(|it| template.japanese.contains(it.as_str()));
                assert!(
                    has || template.around[0].is_empty(),
                    "{}",
                    template.japanese
                );
            }
            assert!(!template.japanese.is_ascii() || template.messages.is_empty());
        }
    }
}
