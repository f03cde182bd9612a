//! References survive being written into rows.

use super::{ContextRef, TableId};

#[test]
fn a_reference_names_a_table_and_a_number() {
    for table in [TableId::of_stored(0), TableId::of_stored(u32::MAX), TableId(u64::MAX)] {
        for number in [0, 127, 128, u32::MAX] {
            let reference = ContextRef { table, number };
            assert_eq!(ContextRef::read(reference.encode().as_ref()), Some(reference));
        }
    }
    let example = ContextRef { table: TableId::of_stored(7), number: 300 };
    assert_eq!(example.encode().as_ref(), [0x0e, 0xac, 0x02]);
    assert_eq!(ContextRef::read(b""), None);
    assert_eq!(ContextRef::read(&[1]), None);
    assert_eq!(ContextRef::read(&[1, 2, 3]), None);
    assert_eq!(TableId::of_new_slice().stored(), None);
    assert_eq!(TableId::of_joined_slice().stored(), None);
    assert_eq!(TableId::of_stored(7).stored(), Some(7));
}
