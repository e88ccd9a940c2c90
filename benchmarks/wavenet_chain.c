// The products of WaveNet's cached sampler in plain C, one sequence at a time: what a step cannot do
// without. The sizes LAYERS, CHANNELS, SKIP, HEAD and CODES are given to the compiler. Matrices are
// [inputs][outputs] row by row; it takes the likeliest code at each step, without noise.

#include <math.h>
#include <string.h>

// y += x @ w
static inline void product(const float *restrict x, const float *restrict w, float *restrict y,
                           int inputs, int outputs) {
  for (int i = 0; i < inputs; i++)
    for (int j = 0; j < outputs; j++) y[j] += x[i] * w[i * outputs + j];
}

static inline void relu(float *x, int size) {
  for (int j = 0; j < size; j++) x[j] = x[j] > 0 ? x[j] : 0;
}

// `past` holds a ring of `dilations[l]` rows of CHANNELS for each layer, one behind the other.
void sample(int steps, const int *dilations, const float *embedding, const float *taps,
            const float *taps_bias, const float *residual, const float *residual_bias,
            const float *skip, const float *skip_bias, const float *hidden,
            const float *hidden_bias, const float *outputs, const float *outputs_bias,
            float *past, int *codes) {
  int code = -1;  // none before the first step
  for (int t = 0; t < steps; t++) {
    float both[2 * CHANNELS], gates[LAYERS * CHANNELS];  // the tap in the past, and h behind it
    float *h = both + CHANNELS, *ring = past;
    memset(h, 0, CHANNELS * sizeof(float));
    if (code >= 0) memcpy(h, embedding + code * CHANNELS, CHANNELS * sizeof(float));
    for (int l = 0; l < LAYERS; l++) {
      float *row = ring + (t % dilations[l]) * CHANNELS, p[2 * CHANNELS];
      ring += dilations[l] * CHANNELS;
      memcpy(both, row, CHANNELS * sizeof(float));
      memcpy(row, h, CHANNELS * sizeof(float));
      memcpy(p, taps_bias + l * 2 * CHANNELS, sizeof p);
      product(both, taps + l * 4 * CHANNELS * CHANNELS, p, 2 * CHANNELS, 2 * CHANNELS);
      float *g = gates + l * CHANNELS;
      for (int j = 0; j < CHANNELS; j++) g[j] = tanhf(p[j]) / (1 + expf(-p[CHANNELS + j]));
      if (l == LAYERS - 1) break;
      for (int j = 0; j < CHANNELS; j++) h[j] += residual_bias[l * CHANNELS + j];
      product(g, residual + l * CHANNELS * CHANNELS, h, CHANNELS, CHANNELS);
    }
    float a[SKIP], b[HEAD], logits[CODES];
    memcpy(a, skip_bias, sizeof a);
    product(gates, skip, a, LAYERS * CHANNELS, SKIP);
    relu(a, SKIP);
    memcpy(b, hidden_bias, sizeof b);
    product(a, hidden, b, SKIP, HEAD);
    relu(b, HEAD);
    memcpy(logits, outputs_bias, sizeof logits);
    product(b, outputs, logits, HEAD, CODES);
    code = 0;
    for (int j = 1; j < CODES; j++)
      if (logits[j] > logits[code]) code = j;
    codes[t] = code;
  }
}
