//! Numbers of lists: INTEGERs of any length and sign, compared as such.
//!
//! RFC 5280 5.2.3 wants them positive, growing and of at most 20 octets. Longer and negative ones
//! are in use, and a list is not lost over it.

use core::cmp::Ordering;

/// Order of two numbers, each the contents octets of an INTEGER, which are minimal; empty is below
/// all.
pub(crate) fn number_order(one: &[u8], other: &[u8]) -> Ordering {
    let is_negative = |number: &[u8]| number.first().is_some_and(|first| first & 0x80 != 0);
    let rank = |number: &[u8]| match number {
        [] => 0,
        number if is_negative(number) => 1,
        _ => 2,
    };
    let by_length = match (is_negative(one), is_negative(other)) {
        // Of two negative numbers the longer one is further from zero.
        (true, true) => other.len().cmp(&one.len()),
        _ => one.len().cmp(&other.len()),
    };
    rank(one)
        .cmp(&rank(other))
        .then(by_length)
        .then_with(|| one.cmp(other))
}

/// Contents octets of an INTEGER without padding: what two spellings of one number have in common.
pub(crate) fn without_padding(mut number: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = number
        && let [second, ..] = rest
        && matches!((first, second), (0, ..0x80) | (0xff, 0x80..))
    {
        number = rest;
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_ordered_as_numbers() {
        let ascending: [&[u8]; 9] = [
            &[],
            &[0xff, 0x00, 0x00],
            &[0xff, 0x00],
            &[0x80],
            &[0xff],
            &[0],
            &[1],
            &[0x7f],
            &[0, 0x80],
        ];
        for (place, one) in ascending.iter().enumerate() {
            for (other_place, other) in ascending.iter().enumerate() {
                assert_eq!(
                    number_order(one, other),
                    place.cmp(&other_place),
                    "{one:?} {other:?}"
                );
            }
        }
    }

    #[test]
    fn padding_makes_no_other_number() {
        assert_eq!(without_padding(&[0, 0, 1]), [1]);
        assert_eq!(without_padding(&[0, 0x80]), [0, 0x80]);
        assert_eq!(without_padding(&[0xff, 0xff, 0x80]), [0x80]);
        assert_eq!(without_padding(&[0xff, 0x7f]), [0xff, 0x7f]);
        assert_eq!(without_padding(&[0]), [0]);
        assert!(without_padding(&[]).is_empty());
    }
}
