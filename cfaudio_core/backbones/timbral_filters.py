"""The timbral filters of musicnn by spectra: kernels half as high as the image, and the maximum over where they lie.

Such a filter responds at every band where it fits, and only its greatest response counts. Over the bands, its responses
are a correlation, which in the frequency domain is a product (the convolution theorem). It goes there and back by
matrices, as a real discrete Fourier transform: a few dozen bands are too few for a fast one to be faster.

Two things save work on the way back. Kernels are moved in phase so that the places where they fit lie evenly around
zero, at q and -q. There the even part of the response is the same and the odd part the opposite, so that the greater
response of both is ``even(q) + |odd(q)|``. And there is one more point than bands, an odd number, so that all
frequencies but the lowest have a real and an imaginary part alike.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cfaudio_core.util.arrays import FloatArray


class TimbralFilters:
    """Filters of several heights and one length.

    Parameters
    ----------
    kernels
        float32 (filters, length, height) each; the length is in frames, the height in bands, of which there are an even
        number in the image.
    bands
        Of the image.
    """

    def __init__(self, kernels: Sequence[FloatArray], bands: int) -> None:
        self._length = kernels[0].shape[1]
        points = bands + 1
        frequency = np.arange(points // 2 + 1)
        angle = 2 * np.pi / points * frequency[:, None]
        band = angle * np.arange(bands)
        # Row 2f is the real part at frequency f, row 2f + 1 the imaginary one.
        self._forward = np.stack([np.cos(band), -np.sin(band)], axis=1).reshape(-1, bands).astype(np.float32)
        weight = np.where(frequency == 0, 1, 2) / points  # negative frequencies repeat the same
        spectra = []
        self._back: list[tuple[int, FloatArray, FloatArray]] = []
        for kernel in kernels:
            filters, _, height = kernel.shape
            middle = (bands - height) / 2  # of the places where it fits
            bands_and_weight = np.exp(1j * angle * (np.arange(height) + middle)) * weight[:, None]
            spectra.append(np.einsum("fh,klh->fkl", bands_and_weight, kernel.astype(np.float64)))
            place = np.arange(middle, -0.25, -1)  # down to 0, or to 1/2
            self._back.append(
                (filters, *(part(place * angle).T.astype(np.float32, order="C") for part in (np.cos, np.sin)))
            )
        spectrum = np.concatenate(spectra, axis=1)
        real = np.stack([spectrum.real, -spectrum.imag], axis=2)
        imaginary = np.stack([spectrum.imag, spectrum.real], axis=2)
        self._filters = spectrum.shape[1]
        # (frequencies, 2 * filters, 2 * length): the product of complex numbers as one of real matrices.
        product = np.stack([real, imaginary], axis=1).reshape(len(frequency), 2 * self._filters, -1)
        self._product = product.astype(np.float32)

    def strongest(self, image: FloatArray) -> FloatArray:
        """Find the greatest response of each filter over all bands where it fits.

        Parameters
        ----------
        image
            float32 (n, bands, frames + length - 1).

        Returns
        -------
        FloatArray
            float32 (filters of all kernels, n, frames).
        """
        n = len(image)
        frames = image.shape[2] - self._length + 1
        spectrum = np.matmul(self._forward, image).reshape(n, len(self._product), 2, -1).transpose(1, 2, 0, 3)
        shifted = np.empty((len(self._product), 2, self._length, n, frames), np.float32)
        for t in range(self._length):
            shifted[:, :, t] = spectrum[..., t : t + frames]
        responses = np.matmul(self._product, shifted.reshape(len(self._product), -1, n * frames))
        responses = responses.reshape(len(self._product), 2, self._filters, n * frames)
        strongest = np.empty((self._filters, n * frames), np.float32)
        first = 0
        for filters, even, odd in self._back:
            by_place = np.empty((len(even), n * frames), np.float32)
            opposite = np.empty_like(by_place)
            for k in range(first, first + filters):
                np.matmul(even, responses[:, 0, k], out=by_place)
                np.matmul(odd, responses[:, 1, k], out=opposite)
                np.abs(opposite, out=opposite)
                by_place += opposite
                by_place.max(axis=0, out=strongest[k])
            first += filters
        return strongest.reshape(-1, n, frames)
