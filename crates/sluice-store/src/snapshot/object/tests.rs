//! Laws: what is written comes back however it is cut; what is changed is told.

use proptest::prelude::*;

use super::{BlockPlace, DigestWriter, ObjectReader, TreeName, write_block, write_end, write_head};
use crate::block;

fn blocks() -> impl Strategy<Value = Vec<(BlockPlace, Vec<u8>)>> {
    let place = (1..=5_u8, any::<u32>(), any::<u32>(), any::<u32>(), 1..9_u32).prop_map(
        |(tree, owner, part, from, pieces)| {
            let tree = TreeName::from_byte(tree).unwrap();
            BlockPlace { tree, owner, part, from, pieces }
        },
    );
    let stored = prop::collection::vec(any::<u8>(), 4..300).prop_map(|mut stored| {
        block::seal(&mut stored);
        stored
    });
    prop::collection::vec((place, stored), 0..8)
}

fn object(blocks: &[(BlockPlace, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_head(&mut bytes).unwrap();
    for (place, stored) in blocks {
        write_block(place, stored, &mut bytes).unwrap();
    }
    write_end(&mut bytes).unwrap();
    bytes
}

proptest! {
    #[test]
    fn what_is_written_comes_back_however_it_is_cut(blocks in blocks(), step in 1..700_usize) {
        let bytes = object(&blocks);
        let (mut reader, mut seen) = (ObjectReader::new(), Vec::new());
        for chunk in bytes.chunks(step) {
            reader
                .take(chunk, |place, stored| {
                    seen.push((*place, stored.to_vec()));
                    Ok(())
                })
                .unwrap();
        }
        let mut digest = DigestWriter::new();
        std::io::Write::write_all(&mut digest, &bytes).unwrap();
        prop_assert_eq!(reader.finish().unwrap(), digest.finish());
        prop_assert_eq!(seen, blocks);
    }

    #[test]
    fn an_object_that_is_cut_short_or_changed_is_not_taken_for_the_one(
        blocks in blocks(),
        at in any::<prop::sample::Index>(),
        bit in 0..8,
        is_cut in any::<bool>(),
    ) {
        let whole = object(&blocks);
        let mut digest = DigestWriter::new();
        std::io::Write::write_all(&mut digest, &whole).unwrap();
        let mut bytes = whole.clone();
        let at = at.index(bytes.len());
        if is_cut {
            bytes.truncate(at);
        } else {
            bytes[at] ^= 1_u8 << bit;
        }
        let mut reader = ObjectReader::new();
        let taken = reader.take(&bytes, |_, _| Ok(()));
        prop_assert!(taken.and_then(|()| reader.finish()).ok() != Some(digest.finish()));
    }
}
