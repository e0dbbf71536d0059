// Runs models in ONNX Runtime: node run.mjs MANIFEST
// The manifest is [{model, inputs: [{name, dims, file}], outputs: [{name, file}], rounds, carry}];
// carry maps an input to the output that it takes in the next round;
// files are raw little-endian float32. The folder NODULESCOPE_ORT holds
// node_modules/onnxruntime-node.
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'

const require = createRequire(join(resolve(process.env.NODULESCOPE_ORT), 'package.json'))
const { InferenceSession, Tensor } = require('onnxruntime-node')

for (const job of JSON.parse(readFileSync(process.argv[2], 'utf8'))) {
  try {
    const session = await InferenceSession.create(job.model, {
      executionProviders: ['cpu'], graphOptimizationLevel: 'all', intraOpNumThreads: 2, logSeverityLevel: 3,
    })
    const feeds = {}
    for (const { name, dims, file } of job.inputs) {
      const bytes = readFileSync(file)
      const copy = new Uint8Array(bytes) // at an offset that float32 may begin at
      feeds[name] = new Tensor('float32', new Float32Array(copy.buffer), dims)
    }
    let results = await session.run(feeds)
    for (let round = 1; round < (job.rounds ?? 1); round++) {
      for (const [input, output] of Object.entries(job.carry)) feeds[input] = results[output]
      results = await session.run(feeds)
    }
    for (const { name, file } of job.outputs) {
      const { data } = results[name]
      writeFileSync(file, new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    }
    await session.release()
  } catch (err) {
    console.error(`${job.model}: ${err}`)
    process.exit(1)
  }
}
