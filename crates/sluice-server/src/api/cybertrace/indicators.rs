//! `PUT` and `DELETE indicators`: a stream of elements in, a sentence and the rejected ones out.

use std::iter;

use actix_web::{HttpResponse, http::StatusCode};
use bytes::Bytes;
use sluice_ingest::{Ingestor, Permit, Receipt, Upload, UploadAction, UploadRules};
use sluice_store::catalogue::Supplier;

use crate::{
    api::request::Version,
    http::{answer, body::BodyReader, problem::Cause, record::RequestRecord},
    life::request_log::Author,
    metrics::suppliers::{IndicatorAction, SupplierMetrics},
};

/// Adds indicators and answers once every accepted one is durable.
pub(super) async fn add(
    ingestor: &Ingestor,
    supplier: &Supplier,
    version: Version,
    permit: Permit,
    reader: &mut BodyReader<'_>,
    counts: &SupplierMetrics,
    record: &RequestRecord,
) -> Result<HttpResponse, Cause> {
    let action = UploadAction::Put {
        is_false_positive: supplier.is_false_positive(),
        takes_tags: Version::V1_1 <= version,
        now_seconds: ingestor.store().stamp_seconds(),
    };
    let upload = ingestor.upload(permit, rules(supplier, version, action))?;
    let receipt = upload_body(reader, upload, record, |_| {}).await?;
    counts.note(supplier.id, IndicatorAction::Add, &receipt);
    answer_receipt(
        receipt,
        StatusCode::CREATED,
        "All indicators were successfully added to the database",
        "An error occurred while adding some of the indicators to the database",
    )
}

/// Deletes indicators and answers once all deletions are durable.
pub(super) async fn delete(
    ingestor: &Ingestor,
    supplier: &Supplier,
    version: Version,
    permit: Permit,
    reader: &mut BodyReader<'_>,
    counts: &SupplierMetrics,
    record: &RequestRecord,
) -> Result<HttpResponse, Cause> {
    let upload = ingestor.upload(permit, rules(supplier, version, UploadAction::Delete))?;
    let author = Author::of(record);
    let told = move |count| author.removed(count, "deletions accepted");
    let receipt = upload_body(reader, upload, record, told).await?;
    counts.note(supplier.id, IndicatorAction::Delete, &receipt);
    answer_receipt(
        receipt,
        StatusCode::OK,
        "All indicators were successfully deleted from the database",
        "An error occurred while deleting some of the indicators from the database",
    )
}

fn rules(supplier: &Supplier, version: Version, action: UploadAction) -> UploadRules {
    UploadRules {
        supplier: supplier.id,
        refang: supplier.settings.refang,
        takes_marks: Version::V1_2 <= version,
        action,
    }
}

async fn upload_body(
    reader: &mut BodyReader<'_>,
    mut upload: Upload,
    record: &RequestRecord,
    told: impl FnOnce(u64) + Send + 'static,
) -> Result<Receipt, Cause> {
    while let Some(piece) = reader.next().await? {
        upload.feed(&piece).await?;
    }
    let receipt = upload.finish(told).await?;
    record.accepted_count.set(receipt.accepted_count);
    record.refused_count.set(receipt.rejected_count);
    Ok(receipt)
}

fn answer_receipt(
    receipt: Receipt,
    status: StatusCode,
    all: &'static str,
    some: &'static str,
) -> Result<HttpResponse, Cause> {
    if receipt.rejected_count == 0 {
        return answer::sentence(status, all);
    }
    let before = Bytes::from(format!("[{{\"status\":\"{some}\",\"error_indicators\":"));
    let after = Bytes::from_static(b"}]");
    let bytes = (before.len() + after.len()) as u64 + receipt.json_bytes();
    let pieces = iter::once(before).chain(receipt.into_json_chunks()).chain(iter::once(after));
    Ok(answer::of_pieces(StatusCode::ACCEPTED, bytes, pieces))
}
