//! The supplier that an index of Elasticsearch is, as the configuration has it.
//!
//! In: the name of a supplier of General, or those of a tenant and of a supplier. Out: both names. Whether there is such a supplier is
//! asked when something is written to it.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sluice_model::TenantName;

/// The supplier that an index is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IndexSupplier {
    /// Name of its tenant.
    pub tenant: String,
    /// Its name there.
    pub supplier: String,
}

/// The same as it is written: a name, of a supplier of General, or both names.
#[derive(Deserialize, Serialize)]
#[serde(untagged, expecting = "expected the name of a supplier, or { tenant = ..., supplier = ... }")]
enum WrittenSupplier {
    OfGeneral(String),
    OfTenant(BothNames),
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct BothNames {
    tenant: String,
    supplier: String,
}

impl<'de> Deserialize<'de> for IndexSupplier {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let (tenant, supplier) = match WrittenSupplier::deserialize(from)? {
            WrittenSupplier::OfGeneral(supplier) => (TenantName::GENERAL.to_owned(), supplier),
            WrittenSupplier::OfTenant(BothNames { tenant, supplier }) => (tenant, supplier),
        };
        Ok(Self { tenant, supplier })
    }
}

impl Serialize for IndexSupplier {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let (tenant, supplier) = (self.tenant.clone(), self.supplier.clone());
        let written = if tenant == TenantName::GENERAL {
            WrittenSupplier::OfGeneral(supplier)
        } else {
            WrittenSupplier::OfTenant(BothNames { tenant, supplier })
        };
        written.serialize(to)
    }
}
