//! The error text for a word that is not a day.

/// The error text for a word that is not a day, in both languages: it is printed before the
/// language is known.
pub(crate) fn no_day(text: &str) -> String {
    format!(
        "{text:?} is no day: 2030-12-31 is one, also written 2030/12/31, 20301231, 2030年12月31日, 令和12年12月31日 or \
         R12.12.31 / 日付として読み取れません。2030-12-31、令和12年12月31日、R12.12.31 などの形で入力してください"
    )
}
