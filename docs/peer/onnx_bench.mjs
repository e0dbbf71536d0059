// The scoring passes of `nodulescope bench` in ONNX Runtime, on the processor.
//
// usage: node onnx_bench.mjs THREADS FOLDER
// FOLDER holds encoder-N.onnx and decoder-N.onnx of N = 1 and 32 patches; the folder that
// NODULESCOPE_ORT names holds node_modules/onnxruntime-node (`make onnxruntime`). Prints one
// JSON object: "peer" says what ran, "ms" maps each work to its median time in milliseconds.
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'

const [threads, folder] = process.argv.slice(2)
const ort = process.env.NODULESCOPE_ORT
if (!ort || !folder) {
  console.error('NODULESCOPE_ORT names no folder with onnxruntime-node, or no folder of models was given')
  process.exit(1)
}
const require = createRequire(join(resolve(ort), 'package.json'))
const { InferenceSession, Tensor } = require('onnxruntime-node')

const open = (name) =>
  InferenceSession.create(join(folder, name), {
    executionProviders: ['cpu'], graphOptimizationLevel: 'all', intraOpNumThreads: Number(threads), logSeverityLevel: 3,
  })

// z draws from the normal distribution that an encoder told, by Box and Muller.
function draw(mean, logvar) {
  const z = new Float32Array(mean.data.length)
  for (let i = 0; i < z.length; i++) {
    const e = Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random())
    z[i] = mean.data[i] + e * Math.exp(0.5 * logvar.data[i])
  }
  return new Tensor('float32', z, mean.dims)
}

async function score(n) {
  const encoder = await open(`encoder-${n}.onnx`)
  const decoder = await open(`decoder-${n}.onnx`)
  const x = new Tensor('float32', Float32Array.from({ length: n * 28 ** 3 }, Math.random), [n, 1, 28, 28, 28])
  return async () => {
    const out = await encoder.run({ [encoder.inputNames[0]]: x })
    const [mean, logvar] = encoder.outputNames.map((name) => out[name])
    await decoder.run({ [decoder.inputNames[0]]: draw(mean, logvar) })
  }
}

// One run to warm up, then as many as take a second, at least five.
async function median(run) {
  await run()
  const times = []
  const start = performance.now()
  while (times.length < 5 || performance.now() - start < 1000) {
    const a = performance.now()
    await run()
    times.push(performance.now() - a)
  }
  times.sort((a, b) => a - b)
  return (times[(times.length - 1) >> 1] + times[times.length >> 1]) / 2
}

const ms = {}
for (const n of [1, 32]) ms[`vae score b${n}`] = await median(await score(n))
const { version } = require('onnxruntime-node/package.json')
console.log(JSON.stringify({ peer: `ONNX Runtime ${version}, ${threads} threads`, ms }))
