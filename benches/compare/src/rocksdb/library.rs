//! The part of RocksDB's C interface (`rocksdb/c.h`) that a comparison needs, and a safe face for it.
//!
//! Bound by hand: the crates that bind RocksDB want libclang to build and versions other than Debian's. Options live as
//! long as the process, which opens one store and ends.
#![expect(unsafe_code, reason = "a C library is called")]

use std::{
    ffi::{CStr, CString, c_char, c_int},
    marker::{PhantomData, PhantomPinned},
    os::unix::ffi::OsStrExt as _,
    path::Path,
    ptr,
};

use anyhow::{Result, bail};

/// `rocksdb_lz4_compression`
const LZ4: c_int = 4;

macro_rules! opaque {
    ($($name:ident)*) => {
        $(
            #[repr(C)]
            struct $name {
                bytes: [u8; 0],
                marker: PhantomData<(*mut u8, PhantomPinned)>,
            }
        )*
    };
}

opaque!(RawDb RawOptions RawTableOptions RawFilter RawCache RawWriteOptions RawReadOptions RawBatch RawFamily RawSlice);

#[link(name = "rocksdb")]
unsafe extern "C" {
    fn rocksdb_options_create() -> *mut RawOptions;
    fn rocksdb_options_set_create_if_missing(options: *mut RawOptions, yes: u8);
    fn rocksdb_options_set_compression(options: *mut RawOptions, algorithm: c_int);
    fn rocksdb_options_set_write_buffer_size(options: *mut RawOptions, bytes: usize);
    fn rocksdb_options_set_max_write_buffer_number(options: *mut RawOptions, count: c_int);
    fn rocksdb_options_set_max_background_jobs(options: *mut RawOptions, count: c_int);
    fn rocksdb_options_set_block_based_table_factory(options: *mut RawOptions, table: *mut RawTableOptions);
    fn rocksdb_block_based_options_create() -> *mut RawTableOptions;
    fn rocksdb_block_based_options_set_filter_policy(table: *mut RawTableOptions, filter: *mut RawFilter);
    fn rocksdb_block_based_options_set_block_cache(table: *mut RawTableOptions, cache: *mut RawCache);
    fn rocksdb_filterpolicy_create_bloom_full(bits_per_key: f64) -> *mut RawFilter;
    fn rocksdb_cache_create_lru(bytes: usize) -> *mut RawCache;
    fn rocksdb_writeoptions_create() -> *mut RawWriteOptions;
    fn rocksdb_readoptions_create() -> *mut RawReadOptions;
    fn rocksdb_open_column_families(
        options: *const RawOptions,
        path: *const c_char,
        count: c_int,
        names: *const *const c_char,
        family_options: *const *const RawOptions,
        families: *mut *mut RawFamily,
        error: *mut *mut c_char,
    ) -> *mut RawDb;
    fn rocksdb_column_family_handle_destroy(family: *mut RawFamily);
    fn rocksdb_close(db: *mut RawDb);
    fn rocksdb_write(
        db: *mut RawDb,
        options: *const RawWriteOptions,
        batch: *mut RawBatch,
        error: *mut *mut c_char,
    );
    fn rocksdb_flush_wal(db: *mut RawDb, sync: u8, error: *mut *mut c_char);
    fn rocksdb_batched_multi_get_cf(
        db: *mut RawDb,
        options: *const RawReadOptions,
        family: *mut RawFamily,
        count: usize,
        keys: *const *const c_char,
        keys_bytes: *const usize,
        values: *mut *mut RawSlice,
        errors: *mut *mut c_char,
        is_sorted: bool,
    );
    fn rocksdb_pinnableslice_destroy(slice: *mut RawSlice);
    fn rocksdb_writebatch_create() -> *mut RawBatch;
    fn rocksdb_writebatch_destroy(batch: *mut RawBatch);
    fn rocksdb_writebatch_clear(batch: *mut RawBatch);
    fn rocksdb_writebatch_put(
        batch: *mut RawBatch,
        key: *const c_char,
        key_bytes: usize,
        value: *const c_char,
        value_bytes: usize,
    );
    fn rocksdb_free(pointer: *mut std::ffi::c_void);
}

/// What is set beside LZ4.
pub(super) struct Tuning {
    pub(super) write_buffer_bytes: usize,
    pub(super) write_buffers_max: c_int,
    pub(super) background_jobs: c_int,
    pub(super) cache_bytes: usize,
    pub(super) bloom_bits_per_key: f64,
}

/// An open store.
pub(super) struct Db {
    handle: *mut RawDb,
    family: *mut RawFamily,
    write_options: *mut RawWriteOptions,
    read_options: *mut RawReadOptions,
}

// SAFETY: `rocksdb_t` and the handle of a column family may be used from any thread; the options are only read.
unsafe impl Send for Db {}
// SAFETY: as above; writes and reads may come from several threads at once.
unsafe impl Sync for Db {}

impl Db {
    /// Opens an empty store.
    pub(super) fn open(path: &Path, tuning: &Tuning) -> Result<Self> {
        let path = CString::new(path.as_os_str().as_bytes())?;
        let names = [c"default".as_ptr()];
        let mut family = ptr::null_mut();
        let mut error = ptr::null_mut();
        // SAFETY: all pointers come from the library or outlive the call, and there is one name, one set of options and
        // room for one handle.
        let db = unsafe {
            let table = rocksdb_block_based_options_create();
            let filter = rocksdb_filterpolicy_create_bloom_full(tuning.bloom_bits_per_key);
            rocksdb_block_based_options_set_filter_policy(table, filter);
            rocksdb_block_based_options_set_block_cache(table, rocksdb_cache_create_lru(tuning.cache_bytes));
            let options = rocksdb_options_create();
            rocksdb_options_set_create_if_missing(options, 1);
            rocksdb_options_set_compression(options, LZ4);
            rocksdb_options_set_write_buffer_size(options, tuning.write_buffer_bytes);
            rocksdb_options_set_max_write_buffer_number(options, tuning.write_buffers_max);
            rocksdb_options_set_max_background_jobs(options, tuning.background_jobs);
            rocksdb_options_set_block_based_table_factory(options, table);
            let family_options = [options.cast_const()];
            let (names, family_options) = (names.as_ptr(), family_options.as_ptr());
            rocksdb_open_column_families(
                options,
                path.as_ptr(),
                1,
                names,
                family_options,
                &raw mut family,
                &raw mut error,
            )
        };
        check(error)?;
        // SAFETY: these only allocate.
        let (write_options, read_options) =
            unsafe { (rocksdb_writeoptions_create(), rocksdb_readoptions_create()) };
        Ok(Self { handle: db, family, write_options, read_options })
    }

    /// Writes a batch to the log, which is not synced, and to the memtable.
    pub(super) fn write(&self, batch: &WriteBatch) -> Result<()> {
        let mut error = ptr::null_mut();
        // SAFETY: the store is open and the batch is this thread's.
        unsafe { rocksdb_write(self.handle, self.write_options, batch.0, &raw mut error) };
        check(error)
    }

    /// Syncs the log.
    pub(super) fn sync_log(&self) -> Result<()> {
        let mut error = ptr::null_mut();
        // SAFETY: the store is open.
        unsafe { rocksdb_flush_wal(self.handle, 1, &raw mut error) };
        check(error)
    }

    /// Counts the keys that are stored, with their values read.
    pub(super) fn multi_get(&self, keys: &[&[u8]]) -> Result<usize> {
        let pointers: Vec<_> = keys.iter().map(|key| key.as_ptr().cast::<c_char>()).collect();
        let lengths: Vec<_> = keys.iter().map(|key| key.len()).collect();
        let mut values = vec![ptr::null_mut(); keys.len()];
        let mut errors = vec![ptr::null_mut(); keys.len()];
        // SAFETY: all four arrays have as many elements as there are keys, and the keys outlive the call.
        unsafe {
            rocksdb_batched_multi_get_cf(
                self.handle,
                self.read_options,
                self.family,
                keys.len(),
                pointers.as_ptr(),
                lengths.as_ptr(),
                values.as_mut_ptr(),
                errors.as_mut_ptr(),
                false,
            );
        }
        let mut found = 0;
        for value in values {
            if !value.is_null() {
                found += 1;
                // SAFETY: the library gave this value to us, and nothing else holds it.
                unsafe { rocksdb_pinnableslice_destroy(value) };
            }
        }
        errors.into_iter().try_for_each(check)?;
        Ok(found)
    }
}

impl Drop for Db {
    fn drop(&mut self) {
        // SAFETY: nothing else has them any more.
        unsafe {
            rocksdb_column_family_handle_destroy(self.family);
            rocksdb_close(self.handle);
        }
    }
}

/// Rows to be written at once.
pub(super) struct WriteBatch(*mut RawBatch);

impl WriteBatch {
    /// An empty one.
    pub(super) fn new() -> Self {
        // SAFETY: this only allocates.
        Self(unsafe { rocksdb_writebatch_create() })
    }

    /// Takes everything out.
    pub(super) fn clear(&mut self) {
        // SAFETY: the batch is ours alone.
        unsafe { rocksdb_writebatch_clear(self.0) };
    }

    /// Adds a row; the library copies it.
    pub(super) fn put(&mut self, key: &[u8], value: &[u8]) {
        let (key_start, value_start) = (key.as_ptr().cast(), value.as_ptr().cast());
        // SAFETY: pointers and lengths are those of two slices, and the batch is ours alone.
        unsafe { rocksdb_writebatch_put(self.0, key_start, key.len(), value_start, value.len()) };
    }
}

impl Drop for WriteBatch {
    fn drop(&mut self) {
        // SAFETY: nothing else has it.
        unsafe { rocksdb_writebatch_destroy(self.0) };
    }
}

/// Turns the text of an error, if there is one, into an error.
fn check(error: *mut c_char) -> Result<()> {
    if error.is_null() {
        return Ok(());
    }
    // SAFETY: the library gives a text of its own that ends with a NUL, to be freed with its own function.
    let text = unsafe {
        let text = CStr::from_ptr(error).to_string_lossy().into_owned();
        rocksdb_free(error.cast());
        text
    };
    bail!("RocksDB: {text}")
}
