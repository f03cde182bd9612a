//! A text in a stream that is cut anywhere.

use super::Occurrences;

#[test]
fn a_text_is_counted_wherever_the_stream_is_cut() {
    let stream = b"aabxaabaaab";
    for piece_bytes in 1..=stream.len() {
        let mut counter = Occurrences::new(b"aab");
        stream.chunks(piece_bytes).for_each(|piece| counter.take(piece));
        assert_eq!((counter.count, counter.bytes), (3, stream.len()), "pieces of {piece_bytes}");
    }
}
