// Pushes documents with the helper of a JavaScript client, and tells what became of each.
//
// In: one argument of JSON. Out: a line of JSON.

const task = JSON.parse(process.argv[2])
const { Client } = require(task.modules + '/node_modules/' + task.package)

const client = new Client({
  node: task.url,
  auth: { username: task.user, password: task.password },
  maxRetries: 5
})
const told = { acknowledged: [], refused: [], failed: [], thrown: null }

async function push (from, documents) {
  const dropped = new Set()
  await client.helpers.bulk({
    datasource: documents.map(indicator => ({ indicator })),
    onDocument: () => ({ index: { _index: task.index } }),
    concurrency: 1,
    retries: 4,
    wait: 100,
    onDrop (drop) {
      const at = from + documents.indexOf(drop.document.indicator)
      dropped.add(at)
      told[[400, 403, 404].includes(drop.status) ? 'refused' : 'failed'].push(at)
    }
  })
  documents.forEach((_, nth) => dropped.has(from + nth) || told.acknowledged.push(from + nth))
}

async function main () {
  for (let from = 0; from < task.documents.length; from += task.chunk) {
    const documents = task.documents.slice(from, from + task.chunk)
    try {
      await push(from, documents)
    } catch (error) {
      told.thrown = `${error.name}: ${error.message}`.slice(0, 100)
      documents.forEach((_, nth) => told.failed.push(from + nth))
    }
  }
  await client.close()
  console.log(JSON.stringify(told))
}

main()
