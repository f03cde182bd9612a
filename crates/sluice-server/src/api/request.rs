//! What can be asked, as values: one enum for each shape of request, and each variant has what it needs.
//!
//! In: nothing. Out: types only. A row of a route table names the variant that its request becomes; the gate looks
//! up the tenant, supplier or tag that the variant takes; whoever carries it out matches without a last resort, so
//! a request that was forgotten does not compile.

use std::time::Duration;

use sluice_ingest::{Announced, Permit};
use sluice_model::{ListName, TenantId};
use sluice_store::catalogue::{Supplier, Tag};

use super::v1::{
    batch_list::ListParameters, changes::parameters::ChangesWanted, export::parameters::ExportAsked,
    lists::fetched::FetchedList, parameters::Parameters,
};
use crate::batches::id::BatchId;

/// A version of the CyberTrace API, oldest first. A request of any other API behaves as in the newest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Version {
    /// 1.0.
    V1_0,
    /// 1.1: tags.
    V1_1,
    /// 1.2: detection marks.
    V1_2,
    /// 1.3: tenants.
    V1_3,
}

impl Version {
    /// The newest version.
    pub(crate) const NEWEST: Self = Self::V1_3;

    /// All versions, each with its text in a path.
    pub(crate) const ALL: [(Self, &'static str); 4] =
        [(Self::V1_0, "1.0"), (Self::V1_1, "1.1"), (Self::V1_2, "1.2"), (Self::V1_3, "1.3")];

    /// Reads the version of a path.
    pub(crate) fn parse(segment: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, text)| *text == segment).map(|(version, _)| *version)
    }
}

/// A request whose head has been judged, by the API that carries it out.
pub(crate) enum Request {
    /// Of the CyberTrace API.
    CyberTrace(CyberTraceRequest),
    /// Of `/v1`: rows in.
    Import(ImportRequest),
    /// Of `/v1`: rows out.
    Export(Box<ExportAsked>),
    /// Of `/v1`: what has become of rows since a commit.
    Changes(Box<ChangesWanted>),
    /// Of `/v1`: what became of rows that came in.
    Batches(BatchesRequest),
    /// Of `/v1`: lookups.
    Lookup(LookupRequest),
    /// Of `/v1`: lists for devices.
    Lists(ListsRequest),
    /// Of `/v1`: users and tokens, with the memory for a body and a password's hash.
    Accounts(AccountsShape, String, Option<Permit>),
    /// Of `/es`.
    Bulk(BulkRequest),
}

/// A request of the CyberTrace API, with the memory that was reserved for its body.
pub(crate) enum CyberTraceRequest {
    /// Has no body and is answered from the catalogue.
    Read(Read),
    /// Changes the catalogue. `None` if it has no body.
    Change(EntityChange, Option<Permit>),
    /// Takes a body of any number of elements while it arrives.
    Stream(Streaming, Permit),
}

/// Shows something of the catalogue.
#[derive(Clone, Debug)]
pub(crate) enum Read {
    /// All suppliers of a tenant.
    Suppliers(TenantId),
    /// One supplier.
    Supplier(Supplier),
    /// All tags.
    Tags,
    /// One tag.
    Tag(Tag),
}

/// Creates, changes or removes one supplier or tag.
#[derive(Clone, Debug)]
pub(crate) enum EntityChange {
    /// A supplier, in every tenant.
    CreateSupplier,
    /// The settings of a supplier in its tenant, or its name in every tenant.
    UpdateSupplier(Supplier),
    /// A supplier and its indicators, from every tenant.
    RemoveSupplier(Supplier),
    /// A tag.
    CreateTag,
    /// The weight of a tag, or its name.
    UpdateTag(Tag),
    /// A tag, off every indicator.
    RemoveTag(Tag),
}

/// Takes elements as they arrive and answers after the last.
#[derive(Clone, Debug)]
pub(crate) enum Streaming {
    /// Looks up values among the indicators of a tenant.
    Lookup(TenantId),
    /// Adds indicators to a supplier.
    AddIndicators(Supplier, Version),
    /// Deletes indicators of a supplier.
    DeleteIndicators(Supplier, Version),
}

/// Takes rows of any number as they arrive, and answers after the last.
#[derive(Clone, Debug)]
pub(crate) enum Importing {
    /// Adds indicators to a supplier.
    Add(Supplier),
    /// Deletes indicators of a supplier.
    Delete(Supplier),
}

impl Importing {
    /// Whose they are.
    pub(crate) fn supplier(&self) -> &Supplier {
        let (Self::Add(supplier) | Self::Delete(supplier)) = self;
        supplier
    }
}

/// An import, with the memory that was reserved for the beginning of its body.
pub(crate) struct ImportRequest {
    /// What becomes of the rows.
    pub(crate) importing: Importing,
    /// What its head says.
    pub(crate) parameters: Parameters,
    /// Name of the tenant.
    pub(crate) tenant: String,
    /// How long its first step may wait for room.
    pub(crate) room_wait_max: Duration,
    /// For its first step.
    pub(crate) permit: Permit,
}

/// A lookup that explains itself.
pub(crate) struct LookupRequest {
    /// Among whose indicators.
    pub(crate) tenant: TenantId,
    /// What is looked up.
    pub(crate) values: LookupValues,
    /// For the beginning of the body.
    pub(crate) permit: Permit,
}

/// The values of a lookup.
pub(crate) enum LookupValues {
    /// They are these, a row each.
    Given(String),
    /// The body has them, of which so much is said.
    InBody(Announced),
}

/// Actions on indicators of any suppliers.
pub(crate) struct BulkRequest {
    /// The index of actions that name none.
    pub(crate) index: Option<String>,
    /// Whether documents that are refused are told as accepted.
    pub(crate) hides_refusals: bool,
    /// Limit of the body in bytes.
    pub(crate) body_bytes_max: usize,
    /// How long it may still wait for a store that is busy.
    pub(crate) busy_wait_max: Duration,
    /// For the beginning of the body.
    pub(crate) permit: Permit,
}

/// What is asked of the batches of a tenant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum BatchesShape {
    /// Which there are.
    List,
    /// What became of one.
    Show,
    /// What one has refused.
    Rejects,
    /// That one ends.
    Cancel,
}

/// The same, with what it is about.
pub(crate) struct BatchesRequest {
    /// Name of the tenant.
    pub(crate) tenant: String,
    /// What is asked.
    pub(crate) asked: BatchesAsked,
}

/// What is asked of batches, with what the head says of it.
pub(crate) enum BatchesAsked {
    /// Which there are.
    List(ListParameters),
    /// Something of one.
    One(BatchesShape, BatchId),
}

/// What is done with lists for devices.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ListsShape {
    /// They are listed.
    All,
    /// A definition is shown.
    Show,
    /// A list is made, or gets another definition.
    Put,
    /// A list is removed.
    Remove,
    /// A list is fetched.
    Fetch,
}

/// The same, with what it is about.
pub(crate) struct ListsRequest {
    /// Name of the tenant.
    pub(crate) tenant: String,
    /// What is asked.
    pub(crate) asked: ListsAsked,
    /// For a body.
    pub(crate) permit: Option<Permit>,
}

/// What is asked of lists, with what the path says of it.
pub(crate) enum ListsAsked {
    /// Which there are.
    All,
    /// The definition of one.
    Show(ListName),
    /// That one has the definition in the body.
    Put(ListName),
    /// That one is no more.
    Remove(ListName),
    /// The bytes of one.
    Fetch(FetchedList),
}

/// What is done with users and tokens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum AccountsShape {
    /// Users are listed.
    ListUsers,
    /// A user is added.
    AddUser,
    /// A user gets another password.
    SetPassword,
    /// A user is removed.
    RemoveUser,
    /// Tokens are listed.
    ListTokens,
    /// A token is made.
    CreateToken,
    /// A token is taken back.
    RevokeToken,
}
